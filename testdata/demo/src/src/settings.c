/* Where the agent finds its key and its slots. */
#include "update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *from_environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

void settings_defaults(struct settings *s)
{
	memset(s, 0, sizeof *s);
	s->key_path = from_environment("GW_KEY", "/etc/gateway/device.key");
	s->slot_path = from_environment("GW_SLOT", "/boot/slot-b.img");
	s->version_path =
		from_environment("GW_VERSION", "/etc/gateway/version");
}

int settings_load(struct settings *s)
{
	unsigned version = 0;
	size_t got;
	FILE *f;

	f = fopen(s->key_path, "rb");
	if (!f)
		return -1;
	got = fread(s->key, 1, sizeof s->key, f);
	fclose(f);
	if (got != sizeof s->key)
		return -1;
	f = fopen(s->version_path, "r");
	if (f) {
		if (fscanf(f, "%u", &version) != 1)
			version = 0;
		fclose(f);
	}
	s->installed_version = version;
	return 0;
}
