//! Tells the tests of gort, which are built here once more, that the executor is `crate::executor`.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(foreign_executor)");
    println!("cargo::rustc-cfg=foreign_executor");
}
