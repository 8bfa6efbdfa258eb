/* update-agent IMAGE: verifies an update image and installs it. */
#include "update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef BUILD_DATE
#define BUILD_DATE "1970-01-01 00:00:00"
#endif

static const char version_text[] = "update-agent 2.4.1";
static const char build_date[] = BUILD_DATE;

static unsigned char *read_file(const char *path, size_t *size)
{
	const size_t limit = IMAGE_HEADER_SIZE + IMAGE_MAX_SIZE;
	unsigned char *data = malloc(limit + 1);
	FILE *f = fopen(path, "rb");

	if (!data || !f) {
		free(data);
		if (f)
			fclose(f);
		return NULL;
	}
	*size = fread(data, 1, limit + 1, f);
	fclose(f);
	if (*size > limit) {
		free(data);
		return NULL;
	}
	return data;
}

static enum update_result update(const char *path, struct settings *settings)
{
	enum update_result result;
	struct image image;
	unsigned char *data;
	size_t size = 0;

	data = read_file(path, &size);
	if (!data)
		return UPDATE_IO;
	result = parse_image(data, size, &image);
	if (result == UPDATE_OK)
		result = verify_image(&image, settings);
	if (result == UPDATE_OK)
		result = install_image(&image, settings);
	free(data);
	return result;
}

int main(int argc, char **argv)
{
	enum update_result result;
	struct settings settings;

	if (argc != 2) {
		fprintf(stderr, "usage: update-agent IMAGE | --version\n");
		return 2;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("%s, built %s\n", version_text, build_date);
		return 0;
	}
	settings_defaults(&settings);
	if (settings_load(&settings) != 0) {
		fprintf(stderr, "update-agent: cannot read the device key\n");
		return 2;
	}
	result = update(argv[1], &settings);
	fprintf(stderr, "update-agent: %s: %s\n", argv[1],
		update_message(result));
	return result == UPDATE_OK ? 0 : 1;
}
