// Which profile is open, or that one is being made or changed: kept in the address.
import type { Kept } from '#shared/address.svelte.ts'

class View implements Kept {
  profile = $state<string | null>(null)
  making = $state(false)
  changing = $state(false)

  read(query: URLSearchParams): void {
    this.profile = query.get('profile')
    this.making = query.get('do') === 'new'
    this.changing = query.get('do') === 'change' && this.profile !== null
  }

  query(): URLSearchParams {
    const query = new URLSearchParams()
    if (this.profile) query.set('profile', this.profile)
    if (this.making) query.set('do', 'new')
    else if (this.changing) query.set('do', 'change')
    return query
  }

  open(): string {
    return this.making ? 'profiles/new' : this.changing ? 'profiles/change' : this.profile ? 'profiles/profile' : 'profiles'
  }
}

export const view = new View()
