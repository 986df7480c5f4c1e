//! The command line: where to start, and within which limits.

use std::{error::Error, ffi::OsString, time::Duration};

use lexopt::prelude::*;

use crate::common::{
    client::Limits,
    options::{count, duration, number, pause, size, value},
    terminal::most_requests,
    text::counted,
};

pub(crate) const HELP: &str = "\
Follows the links of web sites, politely, and tells what it found.

Usage: crawler [OPTIONS] [URL...]

Without a URL it serves sites of its own on loopback ports, with dead links, redirects in circles,
pages that robots.txt excludes, and slow, failing and endless ones, crawls them, and checks that
every page came as planned.

Arguments:
  URL                  an http:// address to start at

Options:
  -d, --depth N        how many links to follow from a start; a redirect is not counted [default: 5]
  -p, --max-pages N    how many pages to ask for [default: 1000]
      --any-host       follow links to all hosts, not only to those of the start URLs
  -l, --limit N        how many pages at a time, if there are file descriptors for so many
                       [default: 16]
      --delay T        the time between two requests to one host, as 500ms or 2s; a longer one in its
                       robots.txt counts [default: 200ms; 1ms for the own sites]
  -t, --timeout T      the longest a request may take [default: 10s; 2s for the own sites]
      --deadline T     the longest all of it may take [default: 5m]
      --max-body SIZE  the longest page to read, as 64KiB or 8MiB [default: 2MiB]; the own sites are
                       as planned from 4KiB on
      --pages          print a line per page, as they come; not with --json
      --json           print the summary as JSON, with all pages
  -h, --help           print this

Exit status: 0 every page was answered, with an error perhaps (the own sites: as planned), 1 there
was no answer to some, or the deadline came first, 2 a mistake on the command line, 130 stopped by
Ctrl-C, 141 nobody reads what it prints.
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Args {
    /// Where to start; empty: at the embedded sites.
    pub(crate) urls: Vec<String>,
    pub(crate) depth: u32,
    pub(crate) max_pages: usize,
    pub(crate) any_host: bool,
    pub(crate) limit: usize,
    pub(crate) delay: Duration,
    pub(crate) deadline: Duration,
    pub(crate) limits: Limits,
    pub(crate) pages: bool,
    pub(crate) json: bool,
}

impl Args {
    /// Lowers the limit to what so many file descriptors are enough for. Returns the line to print if
    /// that was needed.
    pub(crate) fn fit(&mut self, descriptors: usize) -> Option<String> {
        let each = if self.urls.is_empty() { 6 } else { 3 };
        let most = most_requests(descriptors, each);
        if self.limit <= most {
            return None;
        }
        let asked = std::mem::replace(&mut self.limit, most);
        self.limits.idle = most;
        self.limits.idle_per_host = most;
        let most = counted(most as u64, "page");
        Some(format!(
            "{descriptors} file descriptors (`ulimit -n`) are enough for {most} at a time, not {asked}"
        ))
    }
}

/// Reads the command line; `None` when it asks for help.
pub(crate) fn parse(
    line: impl IntoIterator<Item = OsString>,
) -> Result<Option<Args>, Box<dyn Error>> {
    let (mut urls, mut depth, mut max_pages, mut any_host) = (Vec::new(), 5, 1000, false);
    let (mut limit, mut delay, mut timeout) = (16, None, None);
    let (mut deadline, mut max_body) = (Duration::from_secs(300), 2 << 20);
    let (mut pages, mut json) = (false, false);

    let mut parser = lexopt::Parser::from_args(line);
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Short('d') | Long("depth") => depth = value("--depth", parser.value()?, number)?,
            Short('p') | Long("max-pages") => {
                max_pages = value("--max-pages", parser.value()?, count)?;
            }
            Long("any-host") => any_host = true,
            Short('l') | Long("limit") => limit = value("--limit", parser.value()?, count)?,
            Long("delay") => delay = Some(value("--delay", parser.value()?, pause)?),
            Short('t') | Long("timeout") => {
                timeout = Some(value("--timeout", parser.value()?, duration)?);
            }
            Long("deadline") => deadline = value("--deadline", parser.value()?, duration)?,
            Long("max-body") => max_body = value("--max-body", parser.value()?, size)?,
            Long("pages") => pages = true,
            Long("json") => json = true,
            Value(url) => urls.push(url.string()?),
            other => return Err(other.unexpected().into()),
        }
    }

    let site = urls.is_empty();
    let timeout = timeout.unwrap_or(Duration::from_secs(if site { 2 } else { 10 }));
    Ok(Some(Args {
        urls,
        depth,
        max_pages,
        any_host,
        limit,
        delay: delay.unwrap_or(Duration::from_millis(if site { 1 } else { 200 })),
        deadline,
        limits: Limits { timeout, max_body, idle_per_host: limit, idle: limit },
        pages,
        json,
    }))
}
