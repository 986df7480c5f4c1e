//! Patterns as tests: does it match, without binding anything?

use syn::Pat;

/// The pattern without `ref` and `mut`, to be matched against a reference to the value: whether it
/// matches is the same, and its bindings borrow instead of moving.
pub(crate) fn as_test(pat: &Pat) -> Pat {
    let mut pat = pat.clone();
    strip(&mut pat);
    pat
}

/// Whether the pattern is `_`.
pub(crate) fn is_wild(pat: &Pat) -> bool {
    match pat {
        Pat::Wild(_) => true,
        Pat::Paren(inner) => is_wild(&inner.pat),
        _ => false,
    }
}

fn strip(pat: &mut Pat) {
    match pat {
        Pat::Ident(ident) => {
            ident.by_ref = None;
            ident.mutability = None;
            if let Some((_, inner)) = &mut ident.subpat {
                strip(inner);
            }
        }
        Pat::Or(or) => or.cases.iter_mut().for_each(strip),
        Pat::Paren(inner) => strip(&mut inner.pat),
        Pat::Reference(inner) => {
            inner.mutability = None;
            strip(&mut inner.pat);
        }
        Pat::Slice(slice) => slice.elems.iter_mut().for_each(strip),
        Pat::Struct(fields) => fields.fields.iter_mut().for_each(|field| strip(&mut field.pat)),
        Pat::Tuple(tuple) => tuple.elems.iter_mut().for_each(strip),
        Pat::TupleStruct(tuple) => tuple.elems.iter_mut().for_each(strip),
        Pat::Type(typed) => strip(&mut typed.pat),
        _ => {}
    }
}
