/** The webhook: make or renew it, put it into the Git host, and see whether calls arrive. Its secret is shown once. */
import { Alert, Button } from '@mantine/core';
import { IconWebhook } from '@tabler/icons-react';
import { useState } from 'react';
import { base_url, type Output } from '../../../api/client.ts';
import { webhook as texts } from '../../../texts/stack/webhook.ts';
import { Allowed } from '../../../ui/allowed.tsx';
import { CopyButton } from '../../../ui/copy-button.tsx';
import { Section } from '../../../ui/page.tsx';
import { ReviewChange } from '../../../ui/review-change.tsx';
import { StatusMark } from '../../../ui/status-mark.tsx';
import formCss from '../forms.module.css';
import { isPublicAddress } from './hook-pages.ts';
import css from './webhook.module.css';
import { WebhookCalls } from './webhook-calls.tsx';
import { WebhookHelp } from './webhook-help.tsx';

type Made = { path: string; secret: string | null };

export default function WebhookTab({ data: { stack, spec } }: { data: Output<'stacks.get'> }) {
  const [reviewing, setReviewing] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const kind = stack.webhook ? 'renew' : 'make';
  return (
    <div className={formCss.column}>
      <Section>
        <div className={css.head}>
          <div className={css.words}>
            <StatusMark tone={stack.webhook ? 'good' : 'idle'} word={stack.webhook ? texts.present : texts.absent} />
            <p className="quiet">
              {stack.webhook ? texts.presentText : `${texts.text} ${texts.every(spec.poll_interval_seconds)}`}
            </p>
          </div>
          <Allowed to="stacks:write">
            <Button
              variant={stack.webhook ? 'default' : 'filled'}
              leftSection={<IconWebhook size={16} />}
              onClick={() => setReviewing(true)}
            >
              {texts[kind]}
            </Button>
          </Allowed>
        </div>
        {made && <MadeWebhook made={made} />}
      </Section>
      <WebhookHelp sources={Object.values(spec.services).map(({ source }) => source.git)} />
      <WebhookCalls stack={stack.name} />
      <ReviewChange
        change={reviewing ? { id: 'stacks.enable_webhook', input: { stack: stack.name } } : null}
        title={texts.reviewTitle[kind]}
        confirm={texts.reviewConfirm[kind]}
        onClose={() => setReviewing(false)}
        onAccepted={({ result }) => setMade(result as Made)}
        onSucceeded={() => setReviewing(false)}
      >
        {stack.webhook && !made && <p className="quiet">{texts.renewLead}</p>}
      </ReviewChange>
    </div>
  );
}

function MadeWebhook({ made: { path, secret } }: { made: Made }) {
  const url = base_url + path.slice(1);
  return (
    <Alert color="green" variant="light" mt="md" title={texts.made} role="status">
      <p className="quiet">{texts.madeText}</p>
      <dl className={css.made}>
        <dt>{texts.address}</dt>
        <dd>
          <code>{url}</code>
          <CopyButton text={url} label={texts.copyAddress} />
        </dd>
        <dt>{texts.secret}</dt>
        <dd>
          {secret === null ? (
            texts.repeated
          ) : (
            <>
              <code>{secret}</code>
              <CopyButton text={secret} label={texts.copySecret} />
            </>
          )}
        </dd>
      </dl>
      {!isPublicAddress(base_url) && <p className={css.mind}>{texts.unreachable}</p>}
    </Alert>
  );
}
