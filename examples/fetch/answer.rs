//! What a request brings: a status, and a body of which only the length is kept.

use hyper::StatusCode;

use crate::common::{
    client::{Client, Target},
    failure::Failure,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The length of the body in bytes.
    pub(crate) body: u64,
}

impl Answer {
    /// GETs `target`, reads the body to its end and counts its bytes.
    pub(crate) async fn get(client: &Client, target: &Target) -> Result<Answer, Failure> {
        let reply = client.get(target).await?;
        let status = reply.status();
        let mut body = 0;
        reply.read(|data| body += data.len() as u64).await?;
        Ok(Answer { status, body })
    }
}
