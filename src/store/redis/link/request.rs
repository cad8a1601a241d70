//! What is sent: a command, a pipeline or a script by its digest; never where it goes.

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, ServerErrorKind, ToRedisArgs, Value};

use super::fault::{Fault, Kind};
use super::slots::{key_of, slot_of};
use crate::store::redis::script::Script;

/// One call of a script: its keys, all in one slot, and its arguments.
pub(in crate::store::redis) struct Call {
    script: &'static Script,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
}

impl Call {
    /// A call without keys and arguments so far.
    pub(in crate::store::redis) fn new(script: &'static Script) -> Self {
        Self {
            script,
            keys: Vec::new(),
            args: Vec::new(),
        }
    }

    /// Adds a key: `KEYS[n]`.
    pub(in crate::store::redis) fn key(mut self, name: impl Into<String>) -> Self {
        self.keys.push(name.into());
        self
    }

    /// Adds an argument: `ARGV[n]`.
    pub(in crate::store::redis) fn arg<T: ToRedisArgs>(mut self, value: T) -> Self {
        value.write_redis_args(&mut self.args);
        self
    }

    fn command(&self, name: &str, what: &str) -> Cmd {
        let mut cmd = redis::cmd(name);
        cmd.arg(what).arg(self.keys.len());
        for key in &self.keys {
            cmd.arg(key);
        }
        for arg in &self.args {
            cmd.arg(arg.as_slice());
        }
        cmd
    }
}

/// One exchange with a server.
#[derive(Clone, Copy)]
pub(super) enum Request<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
    Script(&'a Call),
}

impl Request<'_> {
    /// The slot of its keys, or `None` where it has no key.
    ///
    /// # Errors
    /// When a script's or a pipeline's keys lie in several slots, which is a fault of this program's: no node of a cluster
    /// could carry it out.
    pub(super) fn slot(self) -> Result<Option<u16>, Fault> {
        match self {
            Self::Command(cmd) => Ok(key_of(cmd).map(slot_of)),
            Self::Pipeline(pipeline) => one(pipeline.cmd_iter().filter_map(key_of).map(slot_of)),
            Self::Script(call) => one(call.keys.iter().map(|key| slot_of(key.as_bytes()))),
        }
    }

    /// Sends it and waits for the answer. With `asking` the node takes it although it does not serve the slot yet.
    pub(super) async fn send(
        self,
        connection: &mut MultiplexedConnection,
        asking: bool,
    ) -> Result<Value, RedisError> {
        match self {
            Self::Command(cmd) => command(connection, cmd, asking).await,
            Self::Pipeline(pipeline) => pipeline.query_async(connection).await,
            Self::Script(call) => {
                let by_digest = call.command("EVALSHA", &call.script.digest);
                match command(connection, &by_digest, asking).await {
                    Err(e) if e.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                        let by_text = call.command("EVAL", call.script.text);
                        command(connection, &by_text, asking).await
                    }
                    other => other,
                }
            }
        }
    }

    /// Whether it can be sent with `asking`: a pipeline may be half done where it was asked first.
    pub(super) const fn can_ask(self) -> bool {
        !matches!(self, Self::Pipeline(_))
    }
}

fn one(mut slots: impl Iterator<Item = u16>) -> Result<Option<u16>, Fault> {
    let first = slots.next();
    if slots.any(|slot| Some(slot) != first) {
        return Err(Fault::new(
            Kind::Reply,
            "the keys of one call lie in several slots",
        ));
    }
    Ok(first)
}

async fn command(
    connection: &mut MultiplexedConnection,
    cmd: &Cmd,
    asking: bool,
) -> Result<Value, RedisError> {
    if !asking {
        return connection.req_packed_command(cmd).await?.extract_error();
    }
    // Both in one write: ASKING is good for the very next command of the connection.
    let mut both = redis::pipe();
    both.cmd("ASKING").ignore().add_command(cmd.clone());
    let (value,): (Value,) = both.query_async(connection).await?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    static NOTHING: Script = Script {
        text: "return 1",
        digest: std::sync::LazyLock::new(|| crate::store::redis::script::digest("return 1")),
    };

    #[test]
    fn keys_in_several_slots_are_refused_before_anything_is_sent() {
        let call = Call::new(&NOTHING).key("{a}:1").key("{a}:2").arg(1);
        assert_eq!(
            Request::Script(&call).slot().unwrap(),
            Some(slot_of(b"{a}"))
        );
        let call = call.key("{b}:1");
        assert!(Request::Script(&call).slot().is_err());
        let mut pipe = redis::pipe();
        pipe.atomic().get("{a}:1").get("{a}:2").cmd("PING");
        assert_eq!(
            Request::Pipeline(&pipe).slot().unwrap(),
            Some(slot_of(b"{a}"))
        );
        pipe.get("{b}:1");
        assert!(Request::Pipeline(&pipe).slot().is_err());
    }
}
