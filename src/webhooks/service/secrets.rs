//! Signing secrets of endpoints: a new one, and the end of those before it; never one that was shown before.

use super::endpoints::new_secret;
use super::{Made, WebhookError, WebhookService};
use crate::base::audit::ChangeContext;
use crate::base::ceilings::{CLAIM_BEGIN, WEBHOOK_SECRET_OVERLAP, WEBHOOK_SECRETS};
use crate::webhooks::view::EndpointView;

impl WebhookService {
    /// Gives an endpoint a new secret; the one before signs as well for a day.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when others keep changing it.
    pub async fn rotate_secret(&self, id: &str, ctx: &ChangeContext) -> Result<Made, WebhookError> {
        let secret = new_secret()?;
        let settings = self.settings.load_full();
        let changed = self
            .change_endpoint(id, "webhook.rotate_secret", ctx, |e| {
                let sealed = settings.sealer.seal(&e.id, &secret)?;
                e.secrets
                    .retain(|s| s.valid_until.is_none_or(|t| t > ctx.at));
                for s in &mut e.secrets {
                    s.valid_until
                        .get_or_insert_with(|| ctx.at.plus(WEBHOOK_SECRET_OVERLAP));
                }
                e.secrets.insert(0, sealed);
                e.secrets.truncate(WEBHOOK_SECRETS);
                Ok(())
            })
            .await?;
        Ok(Made {
            endpoint: self.shown_one(&changed, ctx.at).await?,
            secret,
        })
    }

    /// Ends the secrets before the present one at once, as one that others know requires. An attempt that has begun by then
    /// may end; none that begins after this returned is signed with them.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when others keep changing it.
    pub async fn revoke_previous_secrets(
        &self,
        id: &str,
        ctx: &ChangeContext,
    ) -> Result<EndpointView, WebhookError> {
        let before = self.endpoint(id).await?;
        if before.secrets.iter().all(|s| s.valid_until.is_none()) {
            return self.shown_one(&before, ctx.at).await;
        }
        let changed = self
            .change_endpoint(id, "webhook.revoke_previous_secrets", ctx, |e| {
                e.secrets.retain(|s| s.valid_until.is_none());
                Ok(())
            })
            .await?;
        // An attempt that was claimed before may begin until then, on any node.
        tokio::time::sleep(CLAIM_BEGIN).await;
        self.shown_one(&changed, ctx.at).await
    }
}
