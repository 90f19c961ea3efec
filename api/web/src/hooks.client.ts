// Before anything is shown. The customer's page has words of its own.
export async function init(): Promise<void> {
  if (!location.pathname.startsWith('/t/')) await (await import('#messages/language.ts')).prepare()
}
