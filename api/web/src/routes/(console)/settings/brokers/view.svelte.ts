// Which broker is open, and which of its events are shown.
import { ReceiversView } from '#shared/receivers/view.svelte.ts'

import { kind } from './words.ts'

export const view = new ReceiversView(kind)
