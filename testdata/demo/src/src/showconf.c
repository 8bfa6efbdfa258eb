/* showconf: prints where the update agent looks, one setting a line. */
#include "update.h"

#include <stdio.h>

int main(void)
{
	struct settings settings;

	settings_defaults(&settings);
	printf("key     %s\n", settings.key_path);
	printf("slot    %s\n", settings.slot_path);
	printf("version %s\n", settings.version_path);
	printf("limit   %u bytes\n", IMAGE_MAX_SIZE);
	return 0;
}
