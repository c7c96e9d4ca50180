/** Versions of both ends, how the control plane is, and the licences. */
import { Button } from '@mantine/core';
import { version as page_version } from '../../../package.json';
import { base_url } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { settings } from '../../texts/settings.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import facts from '../../ui/facts.module.css';
import { Foreign } from '../../ui/foreign.tsx';
import { Fetched, Rows, Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import css from './settings.module.css';

const texts = settings.about;

/** No topic tells of it. */
const health_every_ms = 10_000;

export function AboutTab() {
  const query = useRead('system.health', {}, { every_ms: health_every_ms });
  return (
    <div className={css.tab}>
      <Fetched query={query} skeleton={<Rows count={6} />}>
        {({ state, version, checks }) => (
          <>
            <Section title={texts.version}>
              <dl className={facts.facts}>
                <div>
                  <dt>{texts.controlPlane}</dt>
                  <dd>
                    <code>{version}</code> <CopyButton text={version} />
                  </dd>
                </div>
                <div>
                  <dt>{texts.page}</dt>
                  <dd>
                    <code>{page_version}</code>{' '}
                    {version !== page_version && (
                      <>
                        <StatusMark tone="warning" word={texts.pageOld} />{' '}
                        <Button size="compact-xs" variant="default" onClick={() => location.reload()}>
                          {texts.load}
                        </Button>
                      </>
                    )}
                  </dd>
                </div>
                <div>
                  <dt>{texts.address}</dt>
                  <dd>
                    <code>{base_url}</code> <CopyButton text={base_url} />
                  </dd>
                </div>
              </dl>
            </Section>
            <Section
              title={texts.health}
              aside={
                <StatusMark
                  form="chip"
                  tone={state === 'ok' ? 'good' : 'warning'}
                  word={state === 'ok' ? texts.ok : texts.degraded}
                />
              }
            >
              <dl className={facts.facts}>
                {Object.entries(checks).map(([name, check]) => (
                  <div key={name}>
                    <dt>{texts.checks[name] ?? name}</dt>
                    <dd className={css.check}>
                      <StatusMark
                        tone={check.ok ? 'good' : 'bad'}
                        word={check.ok ? texts.checkOk : texts.checkBad}
                        form="icon"
                      />
                      <Foreign text={check.message} />
                    </dd>
                  </div>
                ))}
              </dl>
            </Section>
          </>
        )}
      </Fetched>
      <Section title={texts.licence}>
        <div className={css.line}>
          <p className="quiet">{texts.licenceText}</p>
          <a href={`${base_url}licences.txt`}>{texts.licences}</a>
        </div>
      </Section>
    </div>
  );
}
