// Reads {policies: {name: [document]}, questions: [{policies: name, action, resource, context}]} from standard input and
// answers each question as IAM does for a principal of the account: {result, ignored}, or {error} for a question that
// IAM does not know. `ignored` are the condition keys that the action does not support, so that no policy relies on one.

import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const { account, policies, questions } = JSON.parse(readFileSync(0, 'utf8'))

async function answer({ policies: name, action, resource, context }) {
  const response = await runSimulation(
    {
      identityPolicies: policies[name].map((policy, index) => ({ name: `${name}-${index}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      request: {
        principal: `arn:aws:iam::${account}:role/sgsync`,
        action,
        resource: { resource, accountId: account },
        contextVariables: context,
      },
    },
    {},
  )
  if (response.resultType === 'error') return { error: JSON.stringify(response.errors) }
  const results = response.resultType === 'single' ? [response.result] : response.results
  return { result: response.overallResult, ignored: results.flatMap((one) => one.ignoredContextKeys ?? []) }
}

const answers = []
for (const question of questions) answers.push(await answer(question))
process.stdout.write(JSON.stringify(answers))
