/*
 * Writes a verified image into the inactive slot. The new content is written
 * aside, synced and renamed, so that a power cut leaves the old slot whole.
 */
#include "update.h"

#include <stdio.h>
#include <unistd.h>

static int write_synced(const char *path, const void *data, size_t size)
{
	char aside[512];
	FILE *f;
	int bad;

	if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside)
		return -1;
	f = fopen(aside, "wb");
	if (!f)
		return -1;
	bad = fwrite(data, 1, size, f) != size;
	bad |= fflush(f) != 0;
	bad |= fsync(fileno(f)) != 0;
	bad |= fclose(f) != 0;
	if (bad || rename(aside, path) != 0) {
		remove(aside);
		return -1;
	}
	return 0;
}

enum update_result install_image(const struct image *image,
				 const struct settings *settings)
{
	char version[16];
	int length;

	if (write_synced(settings->slot_path, image->payload, image->size) != 0)
		return UPDATE_IO;
	length = snprintf(version, sizeof version, "%u\n",
			  (unsigned)image->version);
	if (write_synced(settings->version_path, version, (size_t)length) != 0)
		return UPDATE_IO;
	return UPDATE_OK;
}

const char *update_message(enum update_result result)
{
	switch (result) {
	case UPDATE_OK:
		return "installed";
	case UPDATE_IO:
		return "cannot read or write a file";
	case UPDATE_FORMAT:
		return "not an update image";
	case UPDATE_TAG:
		return "the tag does not match: not made for this device";
	case UPDATE_ROLLBACK:
		return "older than what is installed";
	}
	return "unknown result";
}
