export { type Adapters, embeddedAdapters } from './adapters.ts';
export { type Agent, type AgentOptions, createAgent } from './agent.ts';
export { agentNodeFlags } from './agent-node-flags.ts';
export { createSimulatedAgent, type SimulatedAgent } from './sim/simulated-agent.ts';
