import { defaultSettings, Failure, type SystemSettings } from "@entente/core";

/** `ENTENTE_BACKLOG_ALLOWED` for backlogAllowed: every threshold can be set from outside. */
export function variableOf(setting: string): string {
  return `ENTENTE_${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/**
 * Settings given by environment variables; the others keep their defaults.
 * Errors: `setting-invalid` (refused) for anything but a whole number of at least 0.
 */
export function settingsFromEnvironment(environment: NodeJS.ProcessEnv): Partial<SystemSettings> {
  const given: Record<string, number> = {};
  for (const setting of Object.keys(defaultSettings)) {
    const variable = variableOf(setting);
    const text = environment[variable];
    if (text === undefined || text === "") continue;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new Failure(
        "refused",
        "setting-invalid",
        `${variable}="${text}" is not a whole number of at least 0.`,
        {
          fields: { variable },
        },
      );
    }
    given[setting] = value;
  }
  return given;
}

/** `ENTENTE_DATABASE_URL_SUBSCRIPTION` for the context `subscription`. */
export function contextUrlsFromEnvironment(
  environment: NodeJS.ProcessEnv,
  contexts: readonly string[],
): Record<string, string> {
  const urls: Record<string, string> = {};
  for (const context of contexts) {
    const url = environment[`ENTENTE_DATABASE_URL_${context.toUpperCase().replaceAll("-", "_")}`];
    if (url !== undefined && url !== "") urls[context] = url;
  }
  return urls;
}
