//! The stream of a Converse upstream, read into neutral events. Text and thoughts begin with their first delta, tools with
//! an event of their own; usage follows the end of the message.

mod block;
mod payload;

use domain::chat::{Event, Growth, Opening, Signature};
use domain::protocol::Protocol;

use super::{citation, finish, usage};
use crate::dialect::{ReadStream, Stopped};
use crate::failure::{UpstreamError, read_error};
use crate::sse;
use crate::tap::Broken;
use block::{Block, Kept};
use payload::{BlockDelta, BlockStart, BlockStop, Delta, MessageStop, Metadata, Start};

/// What messages of a failure are called, before its type.
const EXCEPTION: &[u8] = b"exception:";

/// The reader of one stream.
#[derive(Debug, Default)]
pub(crate) struct StreamReader {
    began: bool,
    /// The block that is open.
    open: Option<Block>,
    /// The index of the next part.
    next: u32,
    asks_for_tools: bool,
    stopped: bool,
    metered: bool,
}

impl ReadStream for StreamReader {
    fn read(&mut self, event: &sse::Event<'_>, out: &mut Vec<Event>) -> Result<(), Stopped> {
        let data = event.data.as_deref().unwrap_or_default();
        if let Some(kind) = event.kind.strip_prefix(EXCEPTION) {
            return Err(Stopped::Failed(failure(kind, data)));
        }
        match event.kind {
            b"messageStart" => self.begin(out),
            b"contentBlockStart" => {
                let BlockStart { content_block_index, start } = parse(data)?;
                if let Some(start) = start {
                    self.close(out);
                    self.begin(out);
                    self.start(content_block_index, start, out)?;
                }
            }
            b"contentBlockDelta" => {
                let BlockDelta { content_block_index, delta } = parse(data)?;
                if let Some(delta) = delta {
                    self.begin(out);
                    self.delta(content_block_index, delta, out)?;
                }
            }
            b"contentBlockStop" => {
                let BlockStop { content_block_index } = parse(data)?;
                if self.open.as_ref().is_some_and(|open| open.index == content_block_index) {
                    self.close(out);
                }
            }
            b"messageStop" if !self.stopped => {
                let MessageStop { stop_reason, additional_model_response_fields } = parse(data)?;
                self.begin(out);
                self.close(out);
                let fields = additional_model_response_fields;
                let finish = finish::read(stop_reason.as_deref(), fields, self.asks_for_tools);
                out.push(Event::Finished { choice: 0, finish });
                self.stopped = true;
            }
            b"metadata" => {
                let Metadata { usage } = parse(data)?;
                self.begin(out);
                out.extend(usage::read(usage).map(Event::Used));
                self.metered = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.stopped && self.metered
    }

    fn end(&mut self, out: &mut Vec<Event>) -> bool {
        self.close(out);
        self.stopped
    }
}

impl StreamReader {
    fn begin(&mut self, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.began, true) {
            out.push(Event::Began { id: None, model: None });
        }
    }

    fn start(&mut self, index: u32, start: Start<'_>, out: &mut Vec<Event>) -> Result<(), Stopped> {
        if let Some(call) = start.tool_use {
            if call.tool_use_id.is_empty() {
                return Err(Stopped::Broken(Broken::NotEvents));
            }
            if let Some(kind) = call.kind {
                // The provider runs it; it is told as a whole, for it is no call for the caller.
                let kept = Kept::ServerCall { id: call.tool_use_id, name: call.name, kind };
                self.open = Some(Block::kept(index, kept));
                return Ok(());
            }
            self.asks_for_tools = true;
            let part = Opening::ToolCall { id: call.tool_use_id, name: call.name, signature: None };
            self.open_part(index, Kept::Call, part, out);
        } else if let Some(result) = start.tool_result {
            self.open = Some(Block::kept(index, Kept::ServerResult { start: result.get().to_owned() }));
        } else if let Some(image) = start.image {
            self.open = Some(Block::kept(index, Kept::Picture { format: image.format, picture: None }));
        }
        Ok(())
    }

    fn delta(&mut self, index: u32, delta: Delta<'_>, out: &mut Vec<Event>) -> Result<(), Stopped> {
        if let Some(text) = delta.text {
            if text.is_empty() {
                return Ok(());
            }
            self.ensure(index, Kept::Text, out);
            self.grow(Growth::Text(text), out);
        } else if let Some(thought) = delta.reasoning_content {
            if let Some(hidden) = thought.redacted_content {
                self.ensure(index, Kept::Redacted, out);
                self.sign(&hidden)?;
                return Ok(());
            }
            let (text, signature) = (thought.text.unwrap_or_default(), thought.signature.unwrap_or_default());
            if !(text.is_empty() && signature.is_empty()) {
                self.ensure(index, Kept::Thought, out);
                self.grow(Growth::Text(text), out);
                self.sign(&signature)?;
            }
        } else if let Some(citation) = delta.citation {
            self.ensure(index, Kept::Text, out);
            if let Some(citation) = citation::read(citation) {
                self.grow(Growth::Citation(citation), out);
            }
        } else if let Some(call) = delta.tool_use {
            match self.open.as_mut().filter(|open| open.index == index) {
                Some(open) if open.kept == Kept::Call => self.grow(Growth::Arguments(call.input), out),
                Some(open) => open.keep(&call.input)?,
                // Arguments of a call that never began, or that has ended.
                None => return Err(Stopped::Broken(Broken::NotEvents)),
            }
        } else if let Some(image) = delta.image {
            if let Some(Block { kept: Kept::Picture { format, picture }, .. }) = &mut self.open {
                *picture = image.source.and_then(|source| source.picture(format));
            }
        } else if let Some(result) = delta.tool_result
            && let Some(open) = self.open.as_mut().filter(|open| open.index == index)
        {
            open.keep(result.get())?;
        }
        Ok(())
    }

    /// Makes sure that a part of this kind is open for the block.
    fn ensure(&mut self, index: u32, kept: Kept, out: &mut Vec<Event>) {
        if self.open.as_ref().is_some_and(|open| open.index == index && open.kept == kept) {
            return;
        }
        self.close(out);
        let part = match kept {
            Kept::Thought | Kept::Redacted => {
                Opening::Reasoning { id: None, redacted: kept == Kept::Redacted }
            }
            _ => Opening::Text,
        };
        self.open_part(index, kept, part, out);
    }

    fn open_part(&mut self, index: u32, kept: Kept, part: Opening, out: &mut Vec<Event>) {
        out.push(Event::PartBegan { choice: 0, index: self.next, part });
        self.open = Some(Block::kept(index, kept));
    }

    fn grow(&mut self, by: Growth, out: &mut Vec<Event>) {
        let empty = matches!(&by, Growth::Text(text) | Growth::Arguments(text) if text.is_empty());
        if !empty {
            out.push(Event::PartGrew { choice: 0, index: self.next, by });
        }
    }

    fn sign(&mut self, piece: &str) -> Result<(), Stopped> {
        match &mut self.open {
            Some(open) => open.keep(piece),
            None => Ok(()),
        }
    }

    /// Ends the open part, with what was kept of it.
    fn close(&mut self, out: &mut Vec<Event>) {
        let Some(Block { kept, pieces, .. }) = self.open.take() else { return };
        let index = self.next;
        match kept {
            Kept::Text | Kept::Call => {}
            Kept::Thought | Kept::Redacted => {
                if !pieces.is_empty() {
                    let signature = Signature::new(Protocol::Anthropic, pieces.concat());
                    self.grow(Growth::Signature(signature), out);
                }
            }
            kept => {
                let Some(part) = kept.whole(&pieces) else { return };
                out.push(Event::PartBegan { choice: 0, index, part });
            }
        }
        out.push(Event::PartEnded { choice: 0, index });
        self.next += 1;
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(data: &'a [u8]) -> Result<T, Stopped> {
    serde_json::from_slice(data).map_err(|_| Stopped::Broken(Broken::NotJson))
}

/// A failure that came with a status of success. Its code is the status it would have had.
fn failure(kind: &[u8], data: &[u8]) -> UpstreamError {
    let kind = String::from_utf8_lossy(kind).into_owned();
    let status = match kind.as_str() {
        "validationException" | "serviceQuotaExceededException" => Some("400"),
        "accessDeniedException" => Some("403"),
        "resourceNotFoundException" => Some("404"),
        "modelTimeoutException" => Some("408"),
        "modelErrorException" | "modelStreamErrorException" => Some("424"),
        "throttlingException" | "modelNotReadyException" => Some("429"),
        "internalServerException" => Some("500"),
        "serviceUnavailableException" => Some("503"),
        _ => None,
    };
    let said = read_error(data).unwrap_or_else(UpstreamError::without_words);
    UpstreamError { kind: Some(kind), code: status.map(str::to_owned).or(said.code.clone()), ..said }
}

#[cfg(test)]
mod tests;
