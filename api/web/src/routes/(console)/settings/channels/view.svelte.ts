// Which channel is open, or that one is being added.
import { ReceiversView } from '#shared/receivers/view.svelte.ts'

import { kind } from './words.ts'

export const view = new ReceiversView(kind)
