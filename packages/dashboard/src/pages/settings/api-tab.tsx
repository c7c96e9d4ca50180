/** How programs and assistants use Mainstay: the reference, the token, the address for MCP clients. */
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { base_url } from '../../api/client.ts';
import { settings } from '../../texts/settings.ts';
import { CodeBlock } from '../../ui/code-block.tsx';
import { Section } from '../../ui/page.tsx';
import css from './settings.module.css';

const texts = settings.api;

const mcp_url = `${base_url}mcp`;

const tokenCommand = 'export MAINSTAY_TOKEN=mtk_…';
const tryCommand = `curl -H "Authorization: Bearer $MAINSTAY_TOKEN" ${base_url}api/v1/stacks`;

const overHttp = {
  mcpServers: {
    mainstay: { type: 'http', url: mcp_url, headers: { Authorization: 'Bearer $' + '{MAINSTAY_TOKEN}' } },
  },
};
const overStdio = {
  mcpServers: { mainstay: { command: 'mainstay', args: ['mcp', '--url', base_url.replace(/\/$/, '')] } },
};

export function ApiTab() {
  return (
    <div className={css.tab}>
      <Section title={texts.reference}>
        <div className={css.line}>
          <p className="quiet">{texts.referenceText}</p>
          <div className={css.controls}>
            <Button component="a" href={`${base_url}api/docs`} variant="default">
              {texts.docs}
            </Button>
            <Button component="a" href={`${base_url}api/v1/openapi.json`} variant="default">
              {texts.description}
            </Button>
          </div>
        </div>
      </Section>
      <Section title={texts.token}>
        <div className={css.stack}>
          <div className={css.line}>
            <p className="quiet">{texts.tokenText}</p>
            <Button
              variant="default"
              renderRoot={(props) => <Link to="/settings" search={{ tab: 'access', add: 'api_token' }} {...props} />}
            >
              {texts.tokenDo}
            </Button>
          </div>
          <p className="quiet">{texts.tokenSet}</p>
          <CodeBlock text={tokenCommand} copyLabel={texts.copyCommand} />
          <p className="quiet">{texts.ownerToken}</p>
          <p className="quiet">{texts.noSigning}</p>
          <h3>{texts.tryIt}</h3>
          <CodeBlock text={tryCommand} copyLabel={texts.copyCommand} />
        </div>
      </Section>
      <Section title={texts.mcp}>
        <div className={css.stack}>
          <p className="quiet">{texts.mcpText}</p>
          <h3>{texts.mcpAddress}</h3>
          <CodeBlock text={mcp_url} copyLabel={texts.copyAddress} />
          <h3>{texts.mcpHttp}</h3>
          <CodeBlock text={JSON.stringify(overHttp, null, 2)} copyLabel={texts.copyConfiguration} />
          <h3>{texts.mcpStdio}</h3>
          <p className="quiet">{texts.mcpStdioText}</p>
          <CodeBlock text={JSON.stringify(overStdio, null, 2)} copyLabel={texts.copyConfiguration} />
        </div>
      </Section>
    </div>
  );
}
