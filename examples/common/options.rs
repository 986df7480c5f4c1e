//! Values of the command line.

use std::{error::Error, ffi::OsString, str::FromStr, time::Duration};

use lexopt::ValueExt;

/// Reads an option's value, or says what is wrong with it.
pub(crate) fn value<T>(
    name: &str,
    text: OsString,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, Box<dyn Error>> {
    let text = text.string()?;
    read(&text).ok_or_else(|| format!("{name} does not take {text:?}").into())
}

pub(crate) fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// A number above zero.
pub(crate) fn count(text: &str) -> Option<usize> {
    number(text).filter(|&n| n > 0)
}

/// A number and its unit, which may be missing.
fn split(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    text.split_at(digits)
}

/// A length of time, which may be zero: `500ms`, `2s`, `1.5m`; without a unit, seconds.
pub(crate) fn pause(text: &str) -> Option<Duration> {
    let (digits, unit) = split(text);
    let seconds = match unit {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number::<f64>(digits)? * seconds).ok()
}

/// A length of time above zero.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    pause(text).filter(|time| !time.is_zero())
}

/// A size in bytes: `500`, `64KiB`, `8M`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (digits, unit) = split(text);
    let shift = match unit {
        "" | "B" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        _ => return None,
    };
    number::<u64>(digits)?.checked_mul(1 << shift)
}
