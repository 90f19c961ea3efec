// What a driver's phone keeps: links with their stops, proofs until they are sent, pictures by what is in them. It outlives
// a reload and a phone that is switched off.
import type { ProofIn, ProofTaken, Run } from '#shared/api/shapes.ts'

export interface Link {
  token: string
  run?: Run
  /** When its stops were read last, by this phone's clock. */
  readAt: number
  gone?: boolean
}

export interface Told {
  id: string
  token: string
  stop: string
  body: ProofIn
  madeAt: number
  state: 'waiting' | 'sent' | 'refused'
  answer?: ProofTaken
  sentAt?: number
  /** Why the server did not take it. */
  status?: number
  problem?: string
}

export interface Picture {
  sha256: string
  token: string
  content: ArrayBuffer
  type: string
}

interface Kept {
  links: Link
  told: Told
  pictures: Picture
}
type Store = keyof Kept

const KEYS: Readonly<Record<Store, string>> = { links: 'token', told: 'id', pictures: 'sha256' }
const NAME = 'frostway-drive'

let opened: Promise<IDBDatabase> | undefined

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1)
    asked.onupgradeneeded = () => {
      for (const [store, keyPath] of Object.entries(KEYS)) asked.result.createObjectStore(store, { keyPath })
    }
    asked.onsuccess = () => resolve(asked.result)
    asked.onerror = () => reject(asked.error ?? new Error('no database'))
  })
  return opened
}

/** One transaction; it is over when the answer is there, and then it is on the disk. */
async function within<T>(store: Store, mode: IDBTransactionMode, work: (of: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const transaction = (await database()).transaction(store, mode, { durability: 'strict' })
  const asked = work(transaction.objectStore(store))
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(asked.result)
    transaction.onabort = () => reject(transaction.error ?? new Error('not kept'))
  })
}

export const all = <S extends Store>(store: S): Promise<Kept[S][]> => within<Kept[S][]>(store, 'readonly', (of) => of.getAll())
export const one = <S extends Store>(store: S, key: string): Promise<Kept[S] | undefined> => within<Kept[S] | undefined>(store, 'readonly', (of) => of.get(key))
export const put = <S extends Store>(store: S, value: Kept[S]): Promise<IDBValidKey> => within(store, 'readwrite', (of) => of.put(value))
export const drop = (store: Store, key: string): Promise<undefined> => within(store, 'readwrite', (of) => of.delete(key))

const hex = (bytes: ArrayBuffer | Uint8Array): string => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
const random = (n: number): string => hex(crypto.getRandomValues(new Uint8Array(n)))

/** Whether pictures can be named: the page came by https, or from this machine. */
export const canName = (): boolean => typeof crypto.subtle?.digest === 'function'
export const sha256 = async (content: ArrayBuffer): Promise<string> => hex(await crypto.subtle.digest('SHA-256', content))

const DEVICE = 'frostway.device'

/** This phone, as long as its browser remembers it. */
function device(): string {
  const known = localStorage.getItem(DEVICE)
  const name = known ?? `phone-${random(6)}`
  if (!known) localStorage.setItem(DEVICE, name)
  return name
}

/** Each start of the page counts its proofs anew. */
const boot = random(6)
let count = 0
export const nextKey = (): Pick<ProofIn, 'device' | 'boot' | 'seq'> => ({ device: device(), boot, seq: ++count })
export const idOf = ({ device: name, boot: start, seq }: Pick<ProofIn, 'device' | 'boot' | 'seq'>): string => `${name}.${start}.${seq}`
