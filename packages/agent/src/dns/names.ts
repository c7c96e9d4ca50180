/**
 * The names port: every service of the stack is `<service>.<domain>` to the programs of this server, and to nobody else.
 * It is declarative, as the proxy's port is: all names are given every time, applying them twice changes nothing, and what
 * others do to them is found and put back. All names lead to 127.0.0.1, where the internal proxy goes by the Host header.
 */
import { AppError } from '@mainstay/contract/errors';

export type NamedService = {
  name: string;
  /** Port of 127.0.0.1 at which this very service answers without regard to the Host header: what SRV records say. */
  port: number;
};

export type NamesWanted = {
  /** DNS name in lower case, such as `svc.internal`. */
  domain: string;
  services: readonly NamedService[];
};

export const namesMechanisms = ['resolved', 'hosts', 'none'] as const;
/** By what names are known: split DNS of systemd-resolved, a block in /etc/hosts, or not at all. */
export type NamesMechanism = (typeof namesMechanisms)[number];

export type NamesObserved = {
  /** `none`: no names are wanted, or none can be had; `down`: they are wanted, and are not what was applied. */
  state: 'none' | 'active' | 'down';
  how: NamesMechanism;
  /** What is not as it was applied; null when all is. */
  drift: string | null;
};

export type Names = {
  /** Makes the names known. Rejects with AppError when it cannot, saying what to do. */
  apply(wanted: NamesWanted): Promise<void>;
  /** Takes everything back, byte for byte, also what an earlier process applied. Idempotent. */
  remove(): Promise<void>;
  /** Looks at what is there; cheap enough to be asked every second. */
  observe(): Promise<NamesObserved>;
  /** Lets go of what belongs to this process; what others know stays for the process that comes after. */
  close(): Promise<void>;
};

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const services_max = 1_000;

/** Throws AppError InvalidInput for names that DNS cannot hold (RFC 1035 §2.3.4) or that could be read as something else. */
export function checkNames({ domain, services }: NamesWanted): void {
  const refuse = (field: string, message: string) => {
    throw new AppError('InvalidInput', `${field}: ${message}`, { field });
  };
  if (domain.length > 100 || !domain.split('.').every((part) => label.test(part)))
    refuse('names.domain', 'must be a DNS name in lower case with at most 100 characters');
  if (services.length > services_max) refuse('names.services', `must be at most ${services_max}`);
  for (const [index, { name, port }] of services.entries()) {
    if (!label.test(name)) refuse(`names.services.${index}.name`, 'must be a DNS label in lower case');
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      refuse(`names.services.${index}.port`, 'must be a port from 1 to 65535');
  }
}
