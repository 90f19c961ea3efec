// The table of roles, asked for once: what is given with a role is shown wherever one is given.
import { m } from '#messages/settings.ts'
import { api, ask } from '#shared/api/client.ts'
import type { Permission, RoleTable } from '#shared/api/shapes.ts'

class Roles {
  table = $state.raw<RoleTable | undefined>()

  /** Asks unless it is known; may be called again after it failed. */
  async read(): Promise<void> {
    this.table ??= await ask(api.GET('/api/v1/roles'))
  }

  may(role: string): readonly Permission[] {
    return this.table?.roles.find((each) => each.role === role)?.permissions ?? []
  }

  about(permission: Permission): string {
    return m.about_permission(permission, this.table?.permissions.find((each) => each.permission === permission)?.about ?? permission)
  }
}

export const roles = new Roles()
