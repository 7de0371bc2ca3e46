//! `json` and `json_lines`: an object becomes an event, a list of objects several.
//!
//! Originals: <https://www.elastic.co/guide/en/logstash/8.19/plugins-codecs-json.html> and
//! <https://www.elastic.co/guide/en/logstash/8.19/plugins-codecs-json_lines.html>. Only the first document of a text
//! counts, whatever follows. Blank text is no event. What is no JSON becomes the `message` of an event tagged
//! `_jsonparsefailure`.
//! Deviations: none known.

use super::{DecodeCx, Decoder, Framing, message_event, original_field, set_original, text_of};
use crate::event::from_json::event_from_json_map;
use crate::event::json::{self, Decimals};
use crate::event::{Event, FieldRef, Map, Origin, Value};

/// Tags an event that holds text which is no JSON.
pub const FAILURE_TAG: &str = "_jsonparsefailure";

/// `json`.
#[derive(Debug)]
pub struct Json {
    core: Core,
}

/// `json_lines`.
#[derive(Debug)]
pub struct JsonLines {
    core: Core,
    delimiter: Vec<u8>,
}

#[derive(Debug)]
struct Core {
    original: Option<FieldRef>,
    target: Option<FieldRef>,
}

impl Json {
    /// With ECS on, the text goes to `[event][original]` too. Documents go below `target`, where there is one.
    pub fn new(ecs: bool, target: Option<FieldRef>) -> Json {
        Json { core: Core { original: ecs.then(original_field), target } }
    }
}

impl JsonLines {
    /// As [`Json::new`]; `[event][original]` is all that was read together. `delimiter` must not be empty.
    pub fn new(ecs: bool, target: Option<FieldRef>, delimiter: &str) -> JsonLines {
        assert!(!delimiter.is_empty(), "lines are separated by something");
        JsonLines {
            core: Core { original: ecs.then(original_field), target },
            delimiter: delimiter.as_bytes().to_vec(),
        }
    }
}

impl Core {
    fn decode<'b>(&self, bytes: &'b [u8], original: &'b [u8], cx: &mut DecodeCx<'b, '_>) {
        let text = text_of(cx.arena, bytes);
        if text.trim_matches(|c: char| c <= ' ').is_empty() {
            return;
        }
        let before = cx.events.len();
        if let Err(failure) = self.documents(text, original, cx) {
            // nothing of a text that cannot be used whole
            cx.events.truncate(before);
            let mut event = message_event(text, cx, cx.origin);
            if failure == Failure::Invalid {
                event.push("tags", Value::List(cx.arena.alloc_slice_copy(&[Value::Str(FAILURE_TAG)])));
            }
            if let Some(r) = &self.original {
                set_original(&mut event, r, original, cx.arena).expect("an event with a message only takes any field");
            }
            cx.events.push(event);
        }
    }

    fn documents<'b>(&self, text: &'b str, original: &'b [u8], cx: &mut DecodeCx<'b, '_>) -> Result<(), Failure> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (document, _) = json::parse_prefix(cx.arena, text, Decimals::Double).map_err(|_| Failure::Invalid)?;
        match document {
            Value::Map(map) => self.event(map, cx.origin, original, cx),
            Value::List(list) => {
                for (n, value) in list.iter().enumerate() {
                    let map = value.as_map().ok_or(Failure::Invalid)?;
                    self.event(map, cx.origin.part(n as u64), original, cx)?;
                }
                Ok(())
            }
            _ => Err(Failure::Invalid),
        }
    }

    fn event<'b>(
        &self,
        map: &'b Map<'b>,
        origin: Origin,
        original: &'b [u8],
        cx: &mut DecodeCx<'b, '_>,
    ) -> Result<(), Failure> {
        let mut event: Event<'b> = match &self.target {
            None => event_from_json_map(cx.arena, map, cx.now, origin).map_err(|_| Failure::Unfit)?,
            Some(target) => {
                let mut event = Event::new(cx.arena, origin);
                event.push("@timestamp", Value::Timestamp(cx.now));
                event.push("@version", Value::Str("1"));
                event.set(target, Value::Map(map)).map_err(|_| Failure::Unfit)?;
                event
            }
        };
        if let Some(r) = &self.original {
            set_original(&mut event, r, original, cx.arena).map_err(|_| Failure::Unfit)?;
        }
        cx.events.push(event);
        Ok(())
    }
}

/// Why a text is no event. Only the first is tagged, as in the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// No JSON, or neither an object nor a list of objects.
    Invalid,
    /// An object that no event can be made of.
    Unfit,
}

impl Decoder for Json {
    fn plugin(&self) -> &'static str {
        "json"
    }

    fn framing(&self) -> Framing {
        Framing::Whole
    }

    fn decode<'b>(&self, bytes: &'b [u8], cx: &mut DecodeCx<'b, '_>) {
        self.core.decode(bytes, bytes, cx);
    }
}

impl Decoder for JsonLines {
    fn plugin(&self) -> &'static str {
        "json_lines"
    }

    fn framing(&self) -> Framing {
        Framing::Lines(self.delimiter.clone())
    }

    fn decode<'b>(&self, bytes: &'b [u8], cx: &mut DecodeCx<'b, '_>) {
        self.core.decode(bytes, cx.chunk, cx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decode::Line;
    use crate::event::{Arena, Timestamp};

    fn decoded(decoder: &dyn Decoder, line: &[u8], chunk: &[u8]) -> Vec<String> {
        let arena = Arena::new();
        let mut events = vec![];
        let mut cx = DecodeCx {
            arena: &arena,
            now: Timestamp::default(),
            origin: Origin::default(),
            chunk: arena.alloc_slice_copy(chunk),
            events: &mut events,
        };
        decoder.decode(arena.alloc_slice_copy(line), &mut cx);
        let mut out = vec![];
        for e in &mut events {
            e.remove_top("@timestamp").unwrap();
            e.remove_top("@version").unwrap();
            let mut bytes = vec![];
            json::write_entries(e.fields(), &mut bytes);
            out.push(String::from_utf8(bytes).unwrap());
        }
        out
    }

    #[test]
    fn the_first_document_of_a_line_counts() {
        let codec = JsonLines::new(false, None, "\n");
        for (line, events) in [
            (r#"{"a":1}"#, vec![r#"{"a":1}"#]),
            ("{\"a\":1}\r", vec![r#"{"a":1}"#]),
            (r#"{"a":1} x"#, vec![r#"{"a":1}"#]),
            (r#"[{"b":1},{"c":2}]"#, vec![r#"{"b":1}"#, r#"{"c":2}"#]),
            ("[]", vec![]),
            ("  ", vec![]),
            ("[1,2]", vec![r#"{"message":"[1,2]","tags":["_jsonparsefailure"]}"#]),
            ("5", vec![r#"{"message":"5","tags":["_jsonparsefailure"]}"#]),
            ("not json", vec![r#"{"message":"not json","tags":["_jsonparsefailure"]}"#]),
            (r#"[{"a":1},{"@metadata":1}]"#, vec![r#"{"message":"[{\"a\":1},{\"@metadata\":1}]"}"#]),
        ] {
            assert_eq!(decoded(&codec, line.as_bytes(), line.as_bytes()), events, "{line}");
        }
        assert_eq!(
            decoded(&codec, b"{\"a\":\"\xff\"}", b""),
            [r#"{"message":"{\\\"a\\\":\\\"\\xFF\\\"}","tags":["_jsonparsefailure"]}"#]
        );
    }

    #[test]
    fn the_original_is_kept_unless_the_event_has_one() {
        let lines = JsonLines::new(true, None, "\n");
        assert_eq!(decoded(&lines, b"{}", b"{}\nx\n"), [r#"{"event":{"original":"{}\nx\n"}}"#]);
        let own = r#"{"event":{"original":"keep"}}"#;
        assert_eq!(decoded(&lines, own.as_bytes(), b"x"), [own]);
        // an `event` that cannot take it makes the whole text unusable
        let scalar = r#"{"event":"s"}"#;
        let unfit = r#"{"message":"{\"event\":\"s\"}","event":{"original":"x"}}"#;
        assert_eq!(decoded(&lines, scalar.as_bytes(), b"x"), [unfit]);
        let json = Json::new(true, Some(FieldRef::parse("[d]").unwrap()));
        assert_eq!(decoded(&json, b"{\"a\":1}", b""), [r#"{"d":{"a":1},"event":{"original":"{\"a\":1}"}}"#]);
    }

    #[test]
    fn lines_are_taken_as_they_are() {
        let line = Line::new(true, "\n");
        assert_eq!(decoded(&line, b"a\r", b""), [r#"{"message":"a\r","event":{"original":"a\r"}}"#]);
        let line = Line::new(false, "\n");
        assert_eq!(decoded(&line, b"bad \xff \"q\"", b""), [r#"{"message":"bad \\xFF \\\"q\\\""}"#]);
        assert_eq!(decoded(&line, b"", b""), [r#"{"message":""}"#]);
    }
}
