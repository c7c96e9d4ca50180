/** Node and npm on a host, as the owner of a server installs them for what runs there. The agent needs neither. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { LabHost } from './open-lab.ts';

/** Puts this machine's Node and npm on a host, with the npm settings and the certificates of this machine. */
export async function installNode(host: LabHost): Promise<void> {
  await host.writeFile('/usr/local/bin/node', readFileSync(process.execPath), '0755');
  const archive = execFileSync('tar', ['-cz', '-C', dirname(npmFolder()), 'npm'], { maxBuffer: 256 * 1024 * 1024 });
  await host.writeFile('/var/tmp/npm.tar.gz', archive);
  await host.run(['mkdir', '-p', '/usr/local/lib/node_modules', '/usr/local/etc']);
  await host.run(['tar', '-xzf', '/var/tmp/npm.tar.gz', '-C', '/usr/local/lib/node_modules']);
  await host.run(['ln', '-sf', '../lib/node_modules/npm/bin/npm-cli.js', '/usr/local/bin/npm']);
  await host.run(['rm', '/var/tmp/npm.tar.gz']);
  await host.writeFile('/usr/local/etc/npmrc', await npmSettings(host));
}

function npmFolder(): string {
  const npm = execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
  return dirname(dirname(realpathSync(npm)));
}

async function npmSettings(host: LabHost): Promise<string> {
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8', cwd: '/' }).trim();
  const own = process.env['NODE_EXTRA_CA_CERTS'];
  if (own === undefined || !existsSync(own)) return `registry=${registry}\n`;
  const path = join('/usr/local/etc', 'certificates.pem');
  await host.writeFile(path, readFileSync(own));
  return `registry=${registry}\ncafile=${path}\n`;
}
