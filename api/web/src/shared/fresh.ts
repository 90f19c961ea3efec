// An id that nobody has used: what is sent once, and sent again when nobody answered, is known by it.
export const freshId = (): string => `page-${[...crypto.getRandomValues(new Uint8Array(9))].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
