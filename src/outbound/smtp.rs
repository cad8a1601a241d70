//! Gives e-mails to the operator's mail server over SMTP; never decides what one says or whether it is tried again.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};

use crate::alerts::port::{MailError, Mailer};
use crate::alerts::text::Rendered;
use crate::base::ceilings::alerts::{MAIL_ERROR_CHARS, SMTP_QUIT_TIME};
use crate::config::model::{Smtp, SmtpTls};

/// The SMTP client. A connection carries one e-mail: they are few, and servers close idle connections at will.
#[derive(Default)]
pub struct SmtpMailer(ArcSwapOption<Server>);

/// A server, and what is trusted of it.
struct Server {
    settings: Smtp,
    tls: Option<TlsParameters>,
    from: Mailbox,
}

/// A mail server that may be put in force.
pub struct PreparedMailer(Option<Arc<Server>>);

impl SmtpMailer {
    /// What these settings make, to be put in force by [`SmtpMailer::put`].
    ///
    /// # Errors
    /// The settings cannot be used; text for the operator.
    pub fn prepare(&self, settings: Option<&Smtp>) -> Result<PreparedMailer, String> {
        let known = self.0.load_full();
        if known.as_ref().map(|s| &s.settings) == settings {
            return Ok(PreparedMailer(known));
        }
        let server = settings.map(Server::new).transpose()?;
        Ok(PreparedMailer(server.map(Arc::new)))
    }

    /// Prepares and puts in force, where nothing else changes with it.
    ///
    /// # Errors
    /// As [`SmtpMailer::prepare`]; the settings before hold on.
    pub fn set(&self, settings: Option<&Smtp>) -> Result<(), String> {
        self.prepare(settings).map(|prepared| self.put(prepared))
    }

    /// Has e-mails go to that server from now on, or to none. Those under way end at the one before.
    pub fn put(&self, prepared: PreparedMailer) {
        self.0.store(prepared.0);
    }
}

/// Says hello to a mail server and signs in, and sends nothing: what came of it, for people.
///
/// # Errors
/// What went wrong.
pub async fn greet(settings: &Smtp) -> Result<String, String> {
    let server = Server::new(settings)?;
    let hello = async {
        let mut connection = server.connect().await?;
        let is_encrypted = connection.is_encrypted();
        connection.abort().await;
        Ok(is_encrypted)
    };
    let is_encrypted = within(settings.timeout, hello).await.map_err(|e| e.text)?;
    let how = if is_encrypted {
        "over TLS"
    } else {
        "in plain text"
    };
    let signed_in = match settings.credentials {
        Some(_) => ", and takes the credentials",
        None => "",
    };
    Ok(format!("answers EHLO {how}{signed_in}"))
}

/// Runs `work` within a time: the client's own waits for a server's answers have no end.
async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, MailError>>,
) -> Result<T, MailError> {
    tokio::time::timeout(time, work)
        .await
        .unwrap_or_else(|_| Err(later(format!("no end within {} ms", time.as_millis()))))
}

impl Server {
    fn new(settings: &Smtp) -> Result<Self, String> {
        let tls = match settings.tls {
            SmtpTls::None => None,
            SmtpTls::Starttls | SmtpTls::Implicit => Some(
                TlsParameters::builder(settings.host.clone())
                    .build_rustls()
                    .map_err(|e| e.to_string())?,
            ),
        };
        let address = address(&settings.from.address)?;
        Ok(Self {
            from: Mailbox::new(settings.from.name.clone(), address),
            settings: settings.clone(),
            tls,
        })
    }

    /// A connection over which an e-mail can be sent. Whatever goes wrong here says nothing of a recipient: it is tried
    /// again, since people mend it.
    async fn connect(&self) -> Result<AsyncSmtpConnection, MailError> {
        let s = &self.settings;
        let hello = ClientId::Domain(s.from.domain().to_owned());
        let (at_once, then) = match s.tls {
            SmtpTls::Implicit => (self.tls.clone(), None),
            SmtpTls::Starttls => (None, self.tls.clone()),
            SmtpTls::None => (None, None),
        };
        let address = (s.host.as_str(), s.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, Some(s.timeout), &hello, at_once, None)
                .await
                .map_err(|e| later(said("connecting", &e)))?;
        if let Some(tls) = then {
            connection
                .starttls(tls, &hello)
                .await
                .map_err(|e| later(said("STARTTLS", &e)))?;
        }
        if let Some((name, password)) = &s.credentials {
            let credentials = Credentials::new(name.clone(), password.expose().to_owned());
            connection
                .auth(DEFAULT_MECHANISMS, &credentials)
                .await
                // Neither the name nor the password, which a server might repeat.
                .map_err(|e| {
                    let status = e.status().map(|s| format!(" ({s})")).unwrap_or_default();
                    later(format!("signing in was refused{status}"))
                })?;
        }
        Ok(connection)
    }

    fn message(&self, mail: &Rendered) -> Result<(Address, Vec<u8>), String> {
        let to = address(&mail.to)?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .date(mail.at.system_time())
            .message_id(Some(format!(
                "<{}@{}>",
                mail.id,
                self.settings.from.domain()
            )))
            .subject(mail.subject.clone())
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(
                mail.text.clone(),
                mail.html.clone(),
            ))
            .map_err(|e| e.to_string())?;
        Ok((to, message.formatted()))
    }

    async fn send(&self, mail: &Rendered) -> Result<(), MailError> {
        let (to, bytes) = self.message(mail).map_err(never)?;
        let exchange = async {
            let mut connection = self.connect().await?;
            self.exchange(&mut connection, to, &bytes).await?;
            Ok(connection)
        };
        let mut connection = within(self.settings.timeout, exchange).await?;
        // The server has taken it: how it says good-bye changes nothing.
        let _ = tokio::time::timeout(SMTP_QUIT_TIME, connection.abort()).await;
        Ok(())
    }

    async fn exchange(
        &self,
        connection: &mut AsyncSmtpConnection,
        to: Address,
        bytes: &[u8],
    ) -> Result<(), MailError> {
        let from = Mail::new(Some(self.from.email.clone()), Vec::new());
        connection
            .command(from)
            .await
            // It is the sender who is refused, for which no recipient can help.
            .map_err(|e| later(said("MAIL FROM", &e)))?;
        connection
            .command(Rcpt::new(to, Vec::new()))
            .await
            .map_err(|e| answered("RCPT TO", &e))?;
        connection
            .command(Data)
            .await
            .map_err(|e| answered("DATA", &e))?;
        connection
            .message(bytes)
            .await
            .map_err(|e| answered("the message", &e))?;
        Ok(())
    }
}

/// Tells other machines that nobody wrote this, so that none of them answers (RFC 3834 section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|_| format!("{text} is no address"))
}

fn later(text: String) -> MailError {
    MailError {
        is_permanent: false,
        text,
    }
}

fn never(text: String) -> MailError {
    MailError {
        is_permanent: true,
        text,
    }
}

/// What a server's answer about a recipient or a message means: 5yz is for good (RFC 5321 section 4.2.1).
fn answered(step: &str, error: &Error) -> MailError {
    MailError {
        is_permanent: error.is_permanent(),
        text: said(step, error),
    }
}

/// An error in one line for the log, with what led to it.
fn said(step: &str, error: &Error) -> String {
    let mut text = format!("{step}: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(e) = cause {
        let more = e.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = e.source();
    }
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAIL_ERROR_CHARS)
        .collect()
}

#[async_trait]
impl Mailer for SmtpMailer {
    fn is_set(&self) -> bool {
        self.0.load().is_some()
    }

    async fn send(&self, mail: &Rendered) -> Result<(), MailError> {
        let Some(server) = self.0.load_full() else {
            return Err(later("there is no mail server any more".to_owned()));
        };
        server.send(mail).await
    }
}
