import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { openStore } from '#libs/store/store-postgres.ts';
import { addAgent } from '#services/agent/add-agent.ts';

/** The password of all agents in tests. */
export const AGENT_PASSWORD = 'correct horse battery staple';

/** Makes agents as `npm run agent -- add NAME` does. */
export async function addAgents(databaseUrl: string, ...names: readonly string[]): Promise<void> {
  const store = await openStore({ url: databaseUrl });
  try {
    for (const name of names) await addAgent(store, { id: randomUUID(), name, password: AGENT_PASSWORD });
  } finally {
    await store.close();
  }
}

/** Logs in on the agents' page. Resolves when the workbench is open and connected. */
export async function logInAsAgent(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(AGENT_PASSWORD);
  await page.keyboard.press('Enter');
  await atDesk(page);
}

/** Resolves when the workbench is open and connected. */
export function atDesk(page: Page): Promise<void> {
  return page.locator('[data-connection="connected"]').waitFor();
}
