//! The command line: what to fetch, and within which limits.

use std::{
    error::Error,
    ffi::OsString,
    fs,
    io::{self, Read},
    path::PathBuf,
    time::Duration,
};

use lexopt::prelude::*;

use crate::common::{
    client::Limits,
    options::{count, duration, number, size, value},
    terminal::most_requests,
    text::counted,
};

pub(crate) const HELP: &str = "\
GETs many URLs at once, a goroutine per request, and tells how it went. It takes a redirect for an
answer, as any other.

Usage: fetch [OPTIONS] [URL...]

Without a URL it serves a site of its own on a loopback port, with slow, failing, hanging and
endless pages, asks it 10,000 times, and checks that every answer was the planned one.

Arguments:
  URL                    an http:// address; `-` reads addresses from standard input, one a line

Options:
  -f, --file F           read more addresses from F, one a line; blank lines and `# notes` are skipped
  -n, --requests N       how many requests in all; the list is gone through as often as it takes
                         [default: every address once; 10000 for the own site]
  -c, --concurrency N    how many requests at a time, if there are file descriptors for so many
                         [default: 256]
  -t, --timeout T        the longest a request may take, as 500ms, 2s or 1m [default: 10s; 2s for the
                         own site, whose slow pages take 40ms]
      --idle-per-host N  connections kept open to one host between requests
                         [default: as --concurrency]
      --max-body SIZE    the longest body to read, as 500, 64KiB or 8MiB [default: 8MiB]
      --json             print the summary as JSON
  -h, --help             print this

Exit status: 0 all went well (the own site: as planned), 1 a request brought no answer, 2 a mistake
on the command line, 130 stopped by Ctrl-C, 141 nobody reads what it prints.
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Args {
    /// The addresses to fetch; `None`: the embedded site.
    pub(crate) urls: Option<Vec<String>>,
    pub(crate) requests: usize,
    pub(crate) concurrency: usize,
    pub(crate) limits: Limits,
    pub(crate) json: bool,
}

impl Args {
    /// Lowers the concurrency to what so many file descriptors are enough for. Returns the line to
    /// print if that was needed.
    pub(crate) fn fit(&mut self, descriptors: usize) -> Option<String> {
        // The own site is only one host.
        let each = if self.urls.is_none() { 4 } else { 3 };
        let most = most_requests(descriptors, each);
        if self.concurrency <= most {
            return None;
        }
        let asked = std::mem::replace(&mut self.concurrency, most);
        self.limits.idle = most;
        self.limits.idle_per_host = self.limits.idle_per_host.min(most);
        let most = counted(most as u64, "request");
        Some(format!(
            "{descriptors} file descriptors (`ulimit -n`) are enough for {most} at a time, not {asked}"
        ))
    }
}

/// A place addresses come from, in the order of the command line.
enum Source {
    Url(String),
    File(PathBuf),
    Stdin,
}

/// Reads the command line and the lists it names; `None` when it asks for help.
pub(crate) fn parse(
    line: impl IntoIterator<Item = OsString>,
) -> Result<Option<Args>, Box<dyn Error>> {
    let mut sources = Vec::new();
    let (mut requests, mut timeout, mut idle_per_host) = (None, None, None);
    let (mut concurrency, mut max_body, mut json) = (256, 8 << 20, false);

    let mut parser = lexopt::Parser::from_args(line);
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Short('f') | Long("file") => match parser.value()? {
                name if name == "-" => sources.push(Source::Stdin),
                name => sources.push(Source::File(name.into())),
            },
            Short('n') | Long("requests") => {
                requests = Some(value("--requests", parser.value()?, count)?);
            }
            Short('c') | Long("concurrency") => {
                concurrency = value("--concurrency", parser.value()?, count)?;
            }
            Short('t') | Long("timeout") => {
                timeout = Some(value("--timeout", parser.value()?, duration)?);
            }
            Long("idle-per-host") => {
                idle_per_host = Some(value("--idle-per-host", parser.value()?, number)?);
            }
            Long("max-body") => max_body = value("--max-body", parser.value()?, size)?,
            Long("json") => json = true,
            Value(v) if v == "-" => sources.push(Source::Stdin),
            Value(v) => sources.push(Source::Url(v.string()?)),
            other => return Err(other.unexpected().into()),
        }
    }

    let urls = if sources.is_empty() { None } else { Some(read(sources)?) };
    let site = urls.is_none();
    Ok(Some(Args {
        requests: requests.unwrap_or(urls.as_ref().map_or(10_000, Vec::len)),
        urls,
        concurrency,
        limits: Limits {
            timeout: timeout.unwrap_or(Duration::from_secs(if site { 2 } else { 10 })),
            max_body,
            idle_per_host: idle_per_host.unwrap_or(concurrency),
            idle: concurrency,
        },
        json,
    }))
}

/// All addresses the sources name; at least one.
fn read(sources: Vec<Source>) -> Result<Vec<String>, Box<dyn Error>> {
    let mut urls = Vec::new();
    for source in sources {
        let text = match source {
            Source::Url(url) => {
                urls.push(url);
                continue;
            }
            Source::File(path) => {
                fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?
            }
            Source::Stdin => {
                let mut text = String::new();
                io::stdin()
                    .read_to_string(&mut text)
                    .map_err(|e| format!("standard input: {e}"))?;
                text
            }
        };
        let lines = text.lines().map(str::trim);
        urls.extend(lines.filter(|l| !l.is_empty() && !l.starts_with('#')).map(String::from));
    }
    if urls.is_empty() { Err("the list of addresses is empty".into()) } else { Ok(urls) }
}
