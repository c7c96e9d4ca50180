/**
 * DNS messages on the wire: what is read of a query and how an answer is written, over dns-packet. A message is looked at
 * before it is decoded, so that no decoder runs on what is no plain query; the question goes back byte for byte as it came
 * (case included: draft-vixie-dnsext-dns0x20), whatever its labels are made of.
 */
import * as dns from 'dns-packet';
import { type Reply, rcode } from './zone.ts';

/** Bytes of an answer over UDP without EDNS (RFC 1035 §4.2.1). */
const udp_bytes = 512;
/** Bytes of an answer over UDP at most: no fragments on any path (DNS Flag Day 2020); it is also what we can take. */
export const udp_bytes_max = 1_232;
/** A query is a name, a type and some options. */
export const query_bytes_max = 4_096;
export const answer_bytes_max = 65_535;
const header_bytes = 12;
/** Extended rcode 1, low bits 0: BADVERS (RFC 6891 §6.1.3). */
const badVersion = 1;

export type Query = {
  id: number;
  recursion_desired: boolean;
  question: { name: string; type: string; class: string };
  /** The question as it came. */
  question_bytes: Buffer;
  edns: { udp_bytes: number; version: number } | null;
};

export type Read = { kind: 'query'; query: Query } | { kind: 'error'; answer: Buffer } | { kind: 'drop' };

/**
 * Reads a query. What is no query at all is to be dropped, answers among it, so that two servers never talk to each other
 * for ever; what cannot be understood is answered FORMERR, what is not served here NOTIMP.
 */
export function readQuery(bytes: Buffer): Read {
  if (bytes.length < header_bytes || bytes.length > query_bytes_max) return { kind: 'drop' };
  const flags = bytes.readUInt16BE(2);
  if (flags & 0x8000) return { kind: 'drop' };
  if ((flags >> 11) & 0xf) return { kind: 'error', answer: bare(bytes, rcode.notImp) };
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  // One question (RFC 9619), and beside it at most EDNS and a signature.
  if (questions !== 1 || answers !== 0 || authorities !== 0 || (additionals ?? 0) > 2)
    return { kind: 'error', answer: bare(bytes, rcode.formErr) };
  try {
    return { kind: 'query', query: decode(bytes) };
  } catch {
    return { kind: 'error', answer: bare(bytes, rcode.formErr) };
  }
}

function decode(bytes: Buffer): Query {
  const packet = dns.decode(bytes);
  const [question] = packet.questions ?? [];
  if (!question) throw new Error('There is no question.');
  const options = (packet.additionals ?? []).filter((record) => record.type === 'OPT');
  if (options.length > 1) throw new Error('EDNS stands twice.');
  const edns = options[0];
  const { name, end } = nameOfQuestion(bytes);
  return {
    id: packet.id ?? 0,
    recursion_desired: packet.flag_rd,
    question: { name, type: question.type, class: question.class ?? 'IN' },
    question_bytes: bytes.subarray(header_bytes, end + 4),
    edns: edns ? { udp_bytes: edns.udpPayloadSize, version: edns.ednsVersion } : null,
  };
}

/** The name of the question, and where it ends. Nothing stands before it that it could point to, so it has no pointers. */
function nameOfQuestion(bytes: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = header_bytes;
  for (let length = bytes.readUInt8(at); length !== 0; length = bytes.readUInt8(at)) {
    if (length > 63) throw new Error('The question is compressed.');
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  // A label may hold a dot (RFC 2181 §11): such a name is none of ours, whatever it looks like.
  return { name: labels.some((label) => label.includes('.')) ? '' : labels.join('.'), end: at + 1 };
}

/**
 * Writes the answer to a query. AA is set where it is ours to tell, RA never is (nothing is looked up elsewhere).
 * What does not fit is cut off whole and TC set, so that it is asked again over TCP (RFC 2181 §9).
 */
export function writeAnswer(query: Query, reply: Reply, over: 'udp' | 'tcp'): Buffer {
  const { edns } = query;
  if (edns && edns.version > 0) return compose(query, { ...nothing, rcode: rcode.noError }, 0, badVersion);
  const authoritative = reply.rcode === rcode.refused ? 0 : dns.AUTHORITATIVE_ANSWER;
  const answer = compose(query, reply, authoritative);
  const room = Math.min(udp_bytes_max, Math.max(udp_bytes, edns?.udp_bytes ?? 0));
  if (answer.length <= (over === 'udp' ? room : answer_bytes_max)) return answer;
  return compose(query, { ...nothing, rcode: reply.rcode }, authoritative | dns.TRUNCATED_RESPONSE);
}

const nothing = { answers: [], authorities: [], additionals: [] };

function compose(query: Query, reply: Reply, flags: number, extended_rcode = 0): Buffer {
  const { id, recursion_desired, question_bytes, edns } = query;
  const option: dns.OptAnswer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: udp_bytes_max,
    extendedRcode: extended_rcode,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  // dns-packet writes no pointers, so the question can be put in its place as it came.
  const rest = dns.encode({
    type: 'response',
    id,
    flags: flags | (recursion_desired ? dns.RECURSION_DESIRED : 0) | reply.rcode,
    answers: reply.answers,
    authorities: reply.authorities,
    additionals: edns ? [...reply.additionals, option] : reply.additionals,
  });
  rest.writeUInt16BE(1, 4);
  return Buffer.concat([rest.subarray(0, header_bytes), question_bytes, rest.subarray(header_bytes)]);
}

/** An answer to a message that was not read: id, opcode and RD of the query, and the code. */
function bare(bytes: Buffer, code: number): Buffer {
  const answer = Buffer.alloc(header_bytes);
  answer.writeUInt16BE(bytes.readUInt16BE(0), 0);
  answer.writeUInt16BE(0x8000 | (bytes.readUInt16BE(2) & 0x7900) | code, 2);
  return answer;
}
