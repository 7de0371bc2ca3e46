//! What the server said: the answer to a bulk request, and what each status means for its event.

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;

/// An item's error as it stands in the dead letter file is cut to this many bytes.
pub const ERROR_BYTES_MAX: usize = 1000;

/// What becomes of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Done,
    /// There already under the id that this program derived.
    Conflict,
    /// Sent again after a while.
    Retry,
    /// Sent again slowly: somebody has to grant a right or lift a block.
    Forbidden,
    /// Never accepted as it is. The reason is the dead letter's.
    Dead(&'static str),
}

/// The policy, by the status of an item. `custom_dead` is `dlq_custom_codes`.
pub fn verdict(status: u16, derived_id: bool, custom_dead: &[u16]) -> Verdict {
    match status {
        200..=299 => Verdict::Done,
        409 if derived_id => Verdict::Conflict,
        409 => Verdict::Dead("conflict"),
        400 | 404 => Verdict::Dead("rejected"),
        413 => Verdict::Dead("too-large"),
        s if custom_dead.contains(&s) => Verdict::Dead("rejected"),
        401 | 403 => Verdict::Forbidden,
        // as Logstash: whatever else it is, it may pass
        _ => Verdict::Retry,
    }
}

/// One item of the answer.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    /// The document's id, where the server tells it.
    pub id: Option<String>,
    pub error: Option<Value>,
}

impl Answered {
    /// The error for people, cut.
    pub fn message(&self) -> String {
        let mut text = self.error.as_ref().map_or(String::new(), Value::to_string);
        text.truncate(text.floor_char_boundary(ERROR_BYTES_MAX));
        text
    }
}

#[derive(Deserialize)]
struct Body {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(rename = "_id")]
    id: Option<String>,
    status: u16,
    error: Option<Value>,
}

/// `{"create": {...}}`
struct Item(Answered);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Item, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Item;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one action")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
                let Some((_, inner)) = map.next_entry::<IgnoredAny, Inner>()? else {
                    return Err(de::Error::custom("an item without action"));
                };
                if map.next_key::<IgnoredAny>()?.is_some() {
                    return Err(de::Error::custom("an item with two actions"));
                }
                Ok(Item(Answered { status: inner.status, id: inner.id, error: inner.error }))
            }
        }
        from.deserialize_map(One)
    }
}

/// Reads the answer to a bulk request of `count` items, in the order of the request. What the answer says of itself
/// (`errors`) is not believed; each item's status is looked at.
///
/// # Errors
/// Why the answer cannot be one to this request; then nothing is known of any item.
pub fn read(body: &[u8], count: usize) -> Result<Vec<Answered>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_string())?;
    let body: Body = serde_json::from_str(text).map_err(|e| format!("the answer is not one to a bulk request: {e}"))?;
    if body.items.len() != count {
        return Err(format!("the answer has {} items, the request had {count}", body.items.len()));
    }
    Ok(body.items.into_iter().map(|i| i.0).collect())
}

/// Puts the answers into the order of the request where the server told ids that are not in it. `sent` are the ids of
/// the request, as far as it had any.
///
/// # Errors
/// The ids are not those of the request.
pub fn reorder(answers: Vec<Answered>, sent: &[Option<String>]) -> Result<Vec<Answered>, String> {
    assert_eq!(answers.len(), sent.len(), "one answer for each item");
    let fits = |answer: &Answered, sent: &Option<String>| match (&answer.id, sent) {
        (Some(a), Some(s)) => a == s,
        _ => true,
    };
    if answers.iter().zip(sent).all(|(a, s)| fits(a, s)) {
        return Ok(answers);
    }
    let wrong = || "the answer is about other documents than the request".to_string();
    let mut by_id = HashMap::new();
    for answer in answers {
        let id = answer.id.clone().ok_or_else(wrong)?;
        if by_id.insert(id, answer).is_some() {
            return Err(wrong());
        }
    }
    sent.iter().map(|s| by_id.remove(s.as_ref().ok_or_else(wrong)?).ok_or_else(wrong)).collect()
}

/// The id in an action line, if it has one.
pub fn id_of_action(line: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "_id")]
        id: Option<String>,
    }
    let line: HashMap<String, Meta> = serde_json::from_slice(line).ok()?;
    line.into_values().next()?.id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_verdict() {
        for (status, derived, wanted) in [
            (200, true, Verdict::Done),
            (201, false, Verdict::Done),
            (409, true, Verdict::Conflict),
            (409, false, Verdict::Dead("conflict")),
            (400, true, Verdict::Dead("rejected")),
            (404, true, Verdict::Dead("rejected")),
            (413, true, Verdict::Dead("too-large")),
            (403, true, Verdict::Forbidden),
            (401, true, Verdict::Forbidden),
            (429, true, Verdict::Retry),
            (500, true, Verdict::Retry),
            (503, false, Verdict::Retry),
            (0, true, Verdict::Retry),
            (302, true, Verdict::Retry),
            (418, true, Verdict::Retry),
        ] {
            assert_eq!(verdict(status, derived, &[]), wanted, "{status} {derived}");
        }
        assert_eq!(verdict(418, true, &[418]), Verdict::Dead("rejected"));
    }

    #[test]
    fn an_answer_that_cannot_be_ours_is_refused() {
        for (text, count, ok) in [
            (r#"{"errors":false,"items":[{"create":{"status":201}}]}"#, 1, true),
            (r#"{"took":1,"errors":true,"items":[{"index":{"_id":"a","status":400,"error":{"type":"x"}}}]}"#, 1, true),
            (r#"{"errors":false,"items":[{"create":{"status":201}}]}"#, 2, false),
            (r#"{"errors":false,"items":[]}"#, 1, false),
            (r#"{"errors":false}"#, 1, false),
            (r#"{"errors":false,"items":[{}]}"#, 1, false),
            (r#"{"errors":false,"items":[{"create":{}}]}"#, 1, false),
            (r#"{"errors":false,"items":[{"create":{"status":"201"}}]}"#, 1, false),
            (r#"{"errors":false,"items":[{"create":{"status":201},"index":{"status":201}}]}"#, 1, false),
            (r#"{"errors":false,"items":[{"create":{"status":201}}"#, 1, false),
            ("", 1, false),
            ("<html>", 1, false),
        ] {
            assert_eq!(read(text.as_bytes(), count).is_ok(), ok, "{text}");
        }
        assert!(read(b"\xff\xfe", 1).is_err());
    }

    #[test]
    fn answers_are_put_in_order_by_their_ids() {
        let sent = |ids: &[&str]| ids.iter().map(|i| Some(i.to_string())).collect::<Vec<_>>();
        let answer = r#"{"items":[{"create":{"_id":"b","status":201}},{"create":{"_id":"a","status":400}}]}"#;
        let read = || read(answer.as_bytes(), 2).unwrap();
        let got = reorder(read(), &sent(&["a", "b"])).unwrap();
        assert_eq!(got.iter().map(|a| a.status).collect::<Vec<_>>(), [400, 201]);
        assert!(reorder(read(), &sent(&["a", "c"])).is_err());
        assert!(reorder(read(), &sent(&["b", "b"])).is_err());
        assert!(reorder(read(), &[None, None]).is_ok());
        assert_eq!(id_of_action(br#"{"create":{"_index":"i","_id":"a\"b"}}"#).as_deref(), Some("a\"b"));
        assert_eq!(id_of_action(br#"{"index":{"_index":"i"}}"#), None);
    }
}
