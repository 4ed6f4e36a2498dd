// Shortcuts for tests about whole configurations.
import { expect } from "vitest";
import { type LinkerConfig, loadConfig } from "../../src/app/config.ts";
import { told } from "./config.ts";

/** What is wrong with a configuration that cannot be used. */
export async function problemsIn(text: string): Promise<string[]> {
  const { config, problems } = await loadConfig(text, { file: "l.yaml", environment: {} });
  expect(config).toBeNull();
  return told(problems);
}

/** A configuration that can be used, as it is read. */
export async function configOf(
  text: string,
  environment: Record<string, string> = {},
  expandEnv = false,
): Promise<LinkerConfig> {
  const { config, problems } = await loadConfig(text, { file: "l.yaml", environment, expandEnv });
  if (config === null) throw new Error(told(problems).join("\n"));
  return config;
}
