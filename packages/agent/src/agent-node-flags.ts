/** The flags stand with those of the other programs, so that whoever starts an agent need not import it. */
export { agentNodeFlags } from '@mainstay/runtime/node-flags';
