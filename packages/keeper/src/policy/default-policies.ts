/** The built-in set: the text of policies/default.yaml, so that a program in one file has it too. A test holds the two together. */
export const default_policy_file = {
  name: 'default.yaml',
  text: `# The policies that Mainstay begins with. They are also built in: a keeper whose folder of policies is empty uses them.
# To have your own, copy this file into the folder and change it. See docs/guides/policies.md.
#
#   some rule that matches denies   -> denied
#   else some require something     -> all that they require, together
#   else some allow                 -> approved
#   else, nothing matched           -> denied
schema: 1
rules:
  - name: owners
    description: What owners ask for passes.
    match:
      actor: { kinds: [user], roles: [owner] }
    effect: allow

  - name: admins
    description: What admins ask for passes too.
    match:
      actor: { kinds: [user], roles: [admin] }
    effect: allow

  - name: signing-keys-are-the-owners
    description: The keeper's own keys are exchanged by owners only.
    match:
      operations: [keeper.*]
      actor: { kinds: [user], roles: [admin, deployer, approver, viewer] }
    effect: deny
    reason: Only an owner may exchange the keeper's signing keys.

  - name: deployers
    description: Deployers change stacks, deploy them, keep their secrets and sources, and see to the runs.
    match:
      operations:
        - stacks.apply
        - stacks.deploy
        - stacks.rollback
        - stacks.pause
        - stacks.resume
        - stacks.enable_webhook
        - secrets.set
        - credentials.create_deploy_key
        - credentials.set_token
        - runs.pause
        - runs.resume
        - runs.retry
        - runs.cancel
      actor: { kinds: [user], roles: [deployer] }
    effect: allow

  - name: own-access
    description: Everybody makes and ends their own sessions, sign-in links and tokens; the gateway sees to it that they are their own.
    match:
      operations: [access.create_sign_in_link, access.end_session, access.create_token, access.revoke_token]
      actor: { kinds: [user] }
    effect: allow

  - name: new-commits
    description: Webhooks and watched refs move services to new commits, and change nothing else by what the keeper signed before.
    match:
      operations: [stacks.deploy]
      actor: { kinds: [webhook, system] }
      difference: commits_only
    effect: allow

  - name: destructive
    description: What destroys, cuts off or exchanges keys is confirmed by who proposes it, with a key of their own.
    match:
      operations:
        - stacks.remove
        - servers.remove
        - secrets.remove
        - credentials.remove
        - access.remove_user
        - environments.destroy
        - keeper.*
        - '*.firewall*'
      actor: { kinds: [user], roles: [owner, admin] }
    effect: require
    require:
      confirmation: true
      proof: signed
      expires_seconds: 86400

  - name: deployers-destructive
    description: The same for what deployers may take away.
    match:
      operations: [secrets.remove, credentials.remove]
      actor: { kinds: [user], roles: [deployer] }
    effect: require
    require:
      confirmation: true
      proof: signed
      expires_seconds: 86400
`,
} as const;
