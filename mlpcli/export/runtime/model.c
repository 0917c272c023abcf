/* HEAD */
#ifndef MLP_HEADER

#include <math.h>
#include <stdint.h>
#include <string.h>
#if MLP_TEXTS
#include <locale.h>
#include <stdlib.h>
#endif

#define MLP_PI 3.14159265358979323846
#define MLP_DAY 86400.0 /* seconds */
#define MLP_FLOAT_MAX 3.4028234663852886e38
#define MLP_LONGEST 330 /* characters of a number or a time */

enum { MLP_TEXT, MLP_PLAIN, MLP_DATE, MLP_CLOCK, MLP_DURATION };                            /* what a cell holds */
enum { MLP_ACCOUNTING = 1, MLP_TRAILING = 2, MLP_TYPOGRAPHIC = 4 };                         /* ways of a minus */
enum { MLP_VALUE, MLP_ELAPSED, MLP_YEAR, MLP_MONTH, MLP_DAY_OF, MLP_WEEKDAY, MLP_HOUR };    /* parts of a time */
enum { MLP_LINEAR, MLP_AFFINE, MLP_STANDARDISE, MLP_IDENTITY, MLP_SIGMOID, MLP_TANH, MLP_RELU, MLP_LEAKY_RELU, MLP_ELU,
       MLP_SELU, MLP_GELU, MLP_SILU, MLP_MISH, MLP_SOFTPLUS };                              /* layers */

typedef struct { /* how the cells of a column are written */
    int kind, negatives, lakh, currency, n_units, n_layouts;
    uint32_t decimal, thousands;
    const char *units[4];
    int layouts[3]; /* where their patterns begin */
} mlp_format;

typedef struct { /* inputs made of one number */
    int cell, part, is_sine, plain, ple, cuts, has_indicator, n_edges, n_cuts;
    double median, center, factor, clip, present, missing, shrink;
    const double *edges, *cut;
} mlp_number;

typedef struct { /* a text and its code, in the order of strcmp */
    const char *text;
    int code;
} mlp_level;

typedef struct { /* of a code: the input that is on, -1 for none, its value, and its number in pairs */
    int input, met;
    double on;
} mlp_code;

typedef struct { /* inputs made of the level of a category */
    int cell, start, n_off, n_levels, n_codes, missing, other;
    const double *off;
    const mlp_code *codes;
    const mlp_level *levels;
} mlp_category;

typedef struct { /* one input, the number of a level that has a vector */
    int cell, place, n_levels, n_codes, missing;
    const mlp_level *levels;
} mlp_embedded;

typedef struct { /* inputs made of words */
    int cell, start, n;
    double clip;
    const int *slots;
    const double *center, *factor;
} mlp_words;

typedef struct { /* an input that is on where two levels meet */
    int place, first, second, met_first, met_second;
    double value;
} mlp_pair;

typedef struct { /* vectors of levels, whose numbers begin at a place of the weights */
    int place, width;
    long at;
} mlp_table;

typedef struct { /* a layer, whose numbers begin at a place of the weights */
    int kind, n_in, n_out;
    long at;
    double epsilon;
} mlp_step;

typedef struct {
    int n_inputs, n_tables, n_steps;
    const int *inputs;
    const mlp_table *tables;
    const mlp_step *steps;
    double share, temperature;
} mlp_net;

typedef struct { /* a step of the scale of errors; place -1 is the standardised answer */
    int place;
    double cut, below, above;
} mlp_scale;

/* DATA */

/* --- cells ------------------------------------------------------------------------------------------------- */

#if MLP_TEXTS

typedef struct {
    uint32_t c[MLP_LONGEST];
    int n;
} mlp_text;

typedef struct { /* what stands before or behind digits */
    uint32_t c[16];
    int n;
} mlp_short;

/* The character at `*at`, which is moved behind it; 0 at the end, 0xFFFFFFFF for what is not UTF-8. */
static uint32_t mlp_next(const char **at) {
    const unsigned char *b = (const unsigned char *)*at;
    uint32_t code = b[0];
    int n = code < 0x80 ? 0 : code >= 0xF0 && code < 0xF5 ? 3 : code >= 0xE0 ? 2 : code >= 0xC2 ? 1 : -1, i;
    if (code == 0) return 0;
    *at += 1;
    if (n < 0 || code > 0xF4) return 0xFFFFFFFFu;
    if (n > 0) code &= 0x3Fu >> n;
    for (i = 1; i <= n; i++) {
        if ((b[i] & 0xC0) != 0x80) return 0xFFFFFFFFu;
        code = code << 6 | (b[i] & 0x3Fu);
    }
    if ((n == 2 && (code < 0x800 || (code >= 0xD800 && code < 0xE000))) || (n == 3 && (code < 0x10000 || code > 0x10FFFF)))
        return 0xFFFFFFFFu;
    *at += n;
    return code;
}

/* White space as Python knows it. */
static int mlp_is_space(uint32_t c) {
    return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Where a text begins and ends without the white space around it. */
static void mlp_strip(const char *text, const char **start, size_t *n) {
    const char *at = text, *end = text, *before = text;
    uint32_t c;
    *start = text;
    while ((c = mlp_next(&at)) != 0) {
        if (!mlp_is_space(c)) {
            if (end == text) *start = before;
            end = at;
        }
        before = at;
    }
    if (end == text) *start = text;
    *n = (size_t)(end - *start);
}

static int mlp_is_missing(const char *cell) {
    const char *start;
    size_t n;
    int i;
    if (cell == NULL) return 1;
    mlp_strip(cell, &start, &n);
    for (i = 0; i < MLP_N_MISSING; i++)
        if (strlen(mlp_missing[i]) == n && memcmp(start, mlp_missing[i], n) == 0) return 1;
    return 0;
}

#if MLP_FORMATS || MLP_N_CATEGORIES || MLP_N_EMBEDDED
static int mlp_find(const mlp_level *levels, int n, const char *text, int other) {
    int low = 0, high = n;
    while (low < high) {
        int middle = (low + high) / 2, order = strcmp(levels[middle].text, text);
        if (order == 0) return levels[middle].code;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return other;
}
#endif

#if MLP_FORMATS

/* Whether a cell is a text of at most MLP_LONGEST characters, without the white space around it. */
static int mlp_decode(const char *cell, mlp_text *text) {
    const char *at, *end;
    size_t n;
    mlp_strip(cell, &at, &n);
    end = at + n;
    for (text->n = 0; at < end; text->n++) {
        if (text->n == MLP_LONGEST) return 0;
        text->c[text->n] = mlp_next(&at);
        if (text->c[text->n] == 0xFFFFFFFFu) return 0;
    }
    return 1;
}

/* Marks of other widths as the usual ones. */
static uint32_t mlp_fold(uint32_t c) {
    int i;
    if (c > ' ' && c < 0x7F) return c;
    for (i = 0; i < MLP_N_FOLDED; i++)
        if (mlp_folded[i][0] == c) return mlp_folded[i][1];
    return c;
}

static uint32_t mlp_shape(uint32_t c) {
    return c >= '1' && c <= '9' ? (uint32_t)'0' : mlp_fold(c);
}

#endif

#if MLP_FORMATS || MLP_N_WORDS
/* A short text as UTF-8, of at most 4 * 16 bytes. */
static void mlp_encode(const uint32_t *c, int n, char *out) {
    int i;
    for (i = 0; i < n; i++) {
        if (c[i] < 0x80) {
            *out++ = (char)c[i];
        } else if (c[i] < 0x800) {
            *out++ = (char)(0xC0u | c[i] >> 6);
            *out++ = (char)(0x80u | (c[i] & 0x3Fu));
        } else if (c[i] < 0x10000) {
            *out++ = (char)(0xE0u | c[i] >> 12);
            *out++ = (char)(0x80u | (c[i] >> 6 & 0x3Fu));
            *out++ = (char)(0x80u | (c[i] & 0x3Fu));
        } else {
            *out++ = (char)(0xF0u | c[i] >> 18);
            *out++ = (char)(0x80u | (c[i] >> 12 & 0x3Fu));
            *out++ = (char)(0x80u | (c[i] >> 6 & 0x3Fu));
            *out++ = (char)(0x80u | (c[i] & 0x3Fu));
        }
    }
    *out = '\0';
}

#endif

#if MLP_NUMBERS

static void mlp_drop(mlp_short *text, int at) {
    if (at < 0 || at >= text->n) return;
    text->n -= 1;
    memmove(text->c + at, text->c + at + 1, (size_t)(text->n - at) * sizeof text->c[0]);
}

static void mlp_trim(mlp_short *text) {
    while (text->n > 0 && mlp_is_space(text->c[text->n - 1])) text->n -= 1;
    while (text->n > 0 && mlp_is_space(text->c[0])) mlp_drop(text, 0);
}

static int mlp_index(const mlp_short *text, uint32_t c) {
    int i;
    for (i = 0; i < text->n; i++)
        if (text->c[i] == c) return i;
    return -1;
}

/* The number of a currency from 1 on, 0 for what is none. */
static int mlp_currency(const mlp_short *text) {
    char spelled[80];
    mlp_encode(text->c, text->n, spelled);
    return mlp_find(mlp_currencies, MLP_N_CURRENCIES, spelled, 0);
}

static int mlp_is_minus(uint32_t c) {
    return c == '-' || c == 0x2212;
}

static int mlp_is_sign(uint32_t c) {
    return c == '+' || mlp_is_minus(c);
}

static int mlp_is_point(uint32_t c) {
    return c == '.' || c == ',' || c == 0xB7 || c == 0x66B;
}

static int mlp_is_mark(uint32_t c) {
    return mlp_is_point(c) || c == ' ' || c == '\'' || c == '_' || c == 0x66C;
}

static int mlp_zeros(const uint32_t *shape, int n, int at) {
    while (at < n && shape[at] == '0') at++;
    return at;
}

/* The end of an exponent that begins at `at`; `at` itself where there is none. */
static int mlp_exponent(const uint32_t *shape, int n, int at) {
    int i = at + 1;
    if (at >= n || (shape[at] != 'e' && shape[at] != 'E')) return at;
    if (i < n && (shape[i] == '+' || shape[i] == '-')) i++;
    return mlp_zeros(shape, n, i) > i ? mlp_zeros(shape, n, i) : at;
}

/* Where digits, exponent and what stands around them lie in a shape; 0 for what is no number. */
static int mlp_parts(const uint32_t *shape, int n, int *start, int *stop, int *end) {
    int first = 0, i;
    while (first < n && shape[first] != '0') first++;
    if (first == n) return 0;
    if (first > 0 && mlp_is_point(shape[first - 1])) { /* .5 */
        *start = first - 1;
        *stop = mlp_zeros(shape, n, first);
        *end = mlp_exponent(shape, n, *stop);
        for (i = *end; i < n && shape[i] != '0'; i++) {}
        if (i == n && *start <= 12 && n - *end <= 14) return 1;
    }
    *start = first;
    i = mlp_zeros(shape, n, first);
    while (i + 1 < n && mlp_is_mark(shape[i]) && shape[i + 1] == '0') i = mlp_zeros(shape, n, i + 1);
    if (i < n && mlp_is_point(shape[i])) i++;
    *stop = i;
    *end = mlp_exponent(shape, n, i);
    for (i = *end; i < n && shape[i] != '0'; i++) {}
    return i == n && *start <= 12 && n - *end <= 14;
}

/* Whether a number has the unit of its column, and the currency or none. */
static int mlp_stands_around(const mlp_format *format, mlp_short *head, mlp_short *tail) {
    int currency = 0, i;
    char unit[80];
    if (head->n == 1 && head->c[0] == '%') {
        head->n = 0;
        if (tail->n == 0) {
            tail->c[0] = '%';
            tail->n = 1;
        }
    }
    if (head->n > 0 && (currency = mlp_currency(head)) == 0) return 0;
    if (mlp_currency(tail) != 0) {
        currency = mlp_currency(tail);
        tail->n = 0;
    }
    if (currency != 0 && currency != format->currency) return 0;
    if (format->n_units == 0) return tail->n == 0;
    mlp_encode(tail->c, tail->n, unit);
    for (i = 0; i < format->n_units; i++)
        if (strcmp(unit, format->units[i]) == 0) return 1;
    return 0;
}

/* 1 or -1, the sign of a number whose digits stand from `*start` to `stop`; 0 where it is not written like its column. */
static int mlp_sign(const mlp_format *format, const uint32_t *shape, int n, int *start, int stop, int end) {
    mlp_short head, tail;
    int bracketed, trailing = 0, n_signs = 0, i, how;
    uint32_t sign = 0;
    for (head.n = i = 0; i < *start; i++)
        if (shape[i] != ' ') head.c[head.n++] = shape[i];
    for (tail.n = 0, i = end; i < n; i++) tail.c[tail.n++] = shape[i];
    mlp_trim(&tail);
    if (shape[*start] == '.') { /* Rs.500 is no half */
        head.c[head.n++] = '.';
        if (mlp_currency(&head) != 0) *start += 1;
        else head.n -= 1;
    }
    bracketed = mlp_index(&head, '(') >= 0 && mlp_index(&tail, ')') >= 0;
    if (bracketed) {
        mlp_drop(&head, mlp_index(&head, '('));
        mlp_drop(&tail, mlp_index(&tail, ')'));
        mlp_trim(&tail);
    }
    if (shape[stop - 1] == ',' || shape[stop - 1] == '.') { /* 12,- and 12.-- are 12.00 */
        while (tail.n > 0 && mlp_is_minus(tail.c[0])) mlp_drop(&tail, 0);
        mlp_trim(&tail);
    }
    for (i = 0; i < 2; i++) { /* at the start, then at the end */
        int at = i * (head.n - 1);
        if (head.n > 0 && mlp_is_sign(head.c[at])) {
            sign = head.c[at];
            n_signs++;
            mlp_drop(&head, at);
        }
    }
    if (tail.n > 0 && mlp_is_minus(tail.c[tail.n - 1])) {
        trailing = 1;
        tail.n -= 1;
        mlp_trim(&tail);
    } else if (tail.n > 0 && mlp_is_minus(tail.c[0])) {
        mlp_short rest = tail;
        mlp_drop(&rest, 0);
        mlp_trim(&rest);
        if (mlp_currency(&rest) != 0) {
            trailing = 1;
            tail = rest;
        }
    }
    if (n_signs + trailing + bracketed > 1) return 0;
    how = bracketed ? MLP_ACCOUNTING : trailing ? MLP_TRAILING : sign == 0x2212 ? MLP_TYPOGRAPHIC : 0;
    if ((how & ~format->negatives) != 0 || !mlp_stands_around(format, &head, &tail)) return 0;
    return how != 0 || sign == '-' ? -1 : 1;
}

/* Whether digits and marks of this shape are a number of the column. */
static int mlp_fits(const mlp_format *format, const uint32_t *body, int n, int is_plain) {
    int at = mlp_zeros(body, n, 0), before = at, is_lakh = format->lakh;
    if (at == 0) return n > 1 && body[0] == format->decimal && mlp_zeros(body, n, 1) == n;
    if (at == n || (body[at] == format->decimal && mlp_zeros(body, n, at + 1) == n)) return 1;
    if (!is_plain || format->thousands == 0 || at > (is_lakh ? 2 : 3)) return 0;
    while (at < n && body[at] == format->thousands) {
        int end = mlp_zeros(body, n, at + 1), size = end - at - 1, is_last = end >= n || body[end] != format->thousands;
        if (size != (is_lakh && !is_last ? 2 : 3)) return 0;
        at = end;
    }
    if (at == before) return 0;
    return at == n || (body[at] == format->decimal && mlp_zeros(body, n, at + 1) == n);
}

/* inf and infinity, in any case and with a sign. */
static int mlp_infinite(const mlp_text *text, double *value) {
    static const char word[] = "infinity";
    int sign = text->n > 0 && (text->c[0] == '+' || text->c[0] == '-'), n = text->n - sign, i;
    if (n != 3 && n != 8) return 0;
    for (i = 0; i < n; i++)
        if ((text->c[sign + i] | 0x20u) != (uint32_t)word[i] || text->c[sign + i] > 0x7F) return 0;
    *value = text->c[0] == '-' ? -HUGE_VAL : HUGE_VAL;
    return 1;
}

static int mlp_read_number(const mlp_format *format, mlp_text *text, double *value) {
    uint32_t shape[MLP_LONGEST];
    char digits[MLP_LONGEST + 64];
    const char *point = localeconv()->decimal_point; /* strtod reads the mark of the program's locale */
    int i, start, stop, end, sign = 0, n = 0;
    for (i = 0; text->n >= 2 && i < MLP_N_POWERS; i++)
        if (text->c[text->n - 2] == mlp_powers[i][0] && text->c[text->n - 1] == mlp_powers[i][1]) {
            text->c[text->n - 2] = mlp_powers[i][2];
            text->c[text->n - 1] = mlp_powers[i][3];
            break;
        }
    for (i = 0; i < text->n; i++) shape[i] = mlp_shape(text->c[i]);
    if (mlp_parts(shape, text->n, &start, &stop, &end)) sign = mlp_sign(format, shape, text->n, &start, stop, end);
    if (sign == 0) return mlp_infinite(text, value);
    if (!mlp_fits(format, shape + start, stop - start, end == stop && text->c[start] != '0')) return 0;
    for (i = start; i < end; i++) {
        uint32_t c = mlp_fold(text->c[i]);
        if (c == format->decimal) {
            const char *mark;
            for (mark = point; *mark != '\0' && n < MLP_LONGEST + 60; mark++) digits[n++] = *mark;
        } else if (c < 0x80 && c != format->thousands) {
            digits[n++] = (char)c;
        }
    }
    digits[n] = '\0';
    *value = sign * strtod(digits, NULL);
    return 1;
}

#endif

#if MLP_TIMES

typedef struct {
    mlp_text text;
    uint32_t shape[MLP_LONGEST];
    int span[2 * MLP_N_GROUPS]; /* start and end of each group, -1 where it was not found */
} mlp_fields;

static int mlp_in_set(unsigned set, uint32_t c) {
    int i;
    for (i = mlp_sets[set]; i < mlp_sets[set + 1]; i++)
        if (c >= mlp_ranges[i][0] && c <= mlp_ranges[i][1]) return 1;
    return 0;
}

/* Whether the pattern from `pc` on fits from `at` on; the groups are then those found. */
static int mlp_match(mlp_fields *f, unsigned pc, int at) {
    for (;;) {
        unsigned value = mlp_pattern[pc][1];
        int before;
        switch (mlp_pattern[pc][0]) {
        case 0: /* one character */
            if (at >= f->text.n || !mlp_in_set(value, f->shape[at])) return 0;
            at++;
            break;
        case 1: /* try */
            if (mlp_match(f, pc + 1, at)) return 1;
            pc = value - 1;
            break;
        case 2: /* jump */
            pc = value - 1;
            break;
        case 3: /* save */
            before = f->span[value];
            f->span[value] = at;
            if (mlp_match(f, pc + 1, at)) return 1;
            f->span[value] = before;
            return 0;
        case 4: /* ahead */
            if (!mlp_match(f, pc + 1, at)) return 0;
            pc = value - 1;
            break;
        case 5: /* ask */
            if (f->span[2 * (value % 32) + 1] < 0) pc = value / 32 - 1;
            break;
        case 6: /* end */
            if (at < f->text.n) return 0;
            break;
        default: /* done */
            return value == 0 || at == f->text.n;
        }
        pc++;
    }
}

static int mlp_has(const mlp_fields *f, int group) {
    return f->span[2 * group + 1] >= 0;
}

/* The number of the first of two groups that is there, else 0. */
static double mlp_group(const mlp_fields *f, int group, int otherwise) {
    double whole = 0, scale = 1;
    int i, is_behind = 0;
    if (!mlp_has(f, group)) group = otherwise;
    if (!mlp_has(f, group)) return 0;
    for (i = f->span[2 * group]; i < f->span[2 * group + 1]; i++) {
        uint32_t c = f->text.c[i];
        if (c >= '0' && c <= '9') {
            whole = whole * 10 + (double)(c - '0');
            if (is_behind) scale *= 10;
        } else {
            is_behind = 1;
        }
    }
    return whole / scale;
}

static double mlp_fraction(const mlp_fields *f) {
    double scale = 1;
    int i;
    for (i = f->span[2 * MLP_G_f]; mlp_has(f, MLP_G_f) && i < f->span[2 * MLP_G_f + 1]; i++) scale *= 10;
    return mlp_group(f, MLP_G_f, MLP_G_f) / scale;
}

/* Appends the word of a group in lower case, without points; *n characters so far. */
static void mlp_word(const mlp_fields *f, int group, uint32_t *word, int *n) {
    int i;
    for (i = f->span[2 * group]; mlp_has(f, group) && i < f->span[2 * group + 1] && *n < 15; i++) {
        uint32_t c = f->shape[i];
        if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7)) c += 32;
        if (c == 0x212A) c = 'k';
        if (c == 0x17F && group == MLP_G_zone) c = 's';
        if (c != '.') word[(*n)++] = c;
    }
}

/* What a table says of the words of two groups. */
static int mlp_said(const mlp_fields *f, int group, int other, const mlp_level *table, int size, int otherwise) {
    uint32_t word[16];
    char spelled[80];
    int n = 0;
    mlp_word(f, group, word, &n);
    if (other != group) mlp_word(f, other, word, &n);
    mlp_encode(word, n, spelled);
    return mlp_find(table, size, spelled, otherwise);
}

static int mlp_clock_seconds(const mlp_fields *f, double *seconds) {
    double hour = mlp_group(f, MLP_G_H, MLP_G_H3), minute = mlp_group(f, MLP_G_M, MLP_G_M2);
    double second = mlp_group(f, MLP_G_S, MLP_G_S2);
    if (hour >= 24 || minute >= 60 || second >= 60) return 0;
    if (mlp_has(f, MLP_G_half) || mlp_has(f, MLP_G_half2)) {
        /* The last hour that a half stands beside, and 100 for each hour that it adds. */
        int half = mlp_said(f, MLP_G_half, MLP_G_half2, mlp_halves, MLP_N_HALVES, -1);
        if (half < 0 || hour > half % 100) return 0;
        if (hour <= 12) hour = (hour == 12 ? 0 : hour) + half / 100;
    }
    *seconds = hour * 3600 + minute * 60 + second + mlp_fraction(f);
    return 1;
}

static int mlp_zone_seconds(const mlp_fields *f, double *seconds) {
    double hour = mlp_group(f, MLP_G_zh, MLP_G_zh), minute = mlp_group(f, MLP_G_zm, MLP_G_zm);
    *seconds = 0;
    if (!mlp_has(f, MLP_G_zone)) return 1;
    if (!mlp_has(f, MLP_G_zh)) {
        int found = mlp_said(f, MLP_G_zone, MLP_G_zone, mlp_zones, MLP_N_ZONES, -100);
        *seconds = found * 3600.0;
        return found != -100;
    }
    *seconds = (hour * 3600 + minute * 60) * (f->shape[f->span[2 * MLP_G_zone]] == '-' ? -1 : 1);
    return hour < 24 && minute < 60;
}

/* Days from 1970-01-01 to the first of a month, in the Gregorian calendar. */
static long mlp_days_before(long year, long month) {
    long years = year - (month <= 2), of_year = (153 * ((month + 9) % 12) + 2) / 5;
    return years * 365 + years / 4 - years / 100 + years / 400 + of_year - 719468;
}

static int mlp_date_seconds(const mlp_fields *f, double *seconds) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    long year = (long)mlp_group(f, MLP_G_y, MLP_G_y), month = (long)mlp_group(f, MLP_G_m, MLP_G_m);
    long day = mlp_has(f, MLP_G_d) ? (long)mlp_group(f, MLP_G_d, MLP_G_d) : 1;
    double clock, zone;
    int is_leap;
    if (f->span[2 * MLP_G_y + 1] - f->span[2 * MLP_G_y] == 2) year += year >= 69 ? 1900 : 2000;
    if (mlp_has(f, MLP_G_name)) month += mlp_said(f, MLP_G_name, MLP_G_name, mlp_months, MLP_N_MONTHS, 99);
    if (year < 1 || month < 1 || month > 12 || day < 1) return 0;
    is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > lengths[month - 1] + (month == 2 && is_leap)) return 0;
    if (!mlp_clock_seconds(f, &clock) || !mlp_zone_seconds(f, &zone)) return 0;
    *seconds = (double)(mlp_days_before(year, month) + day - 1) * MLP_DAY + clock - zone;
    return 1;
}

static int mlp_duration_seconds(const mlp_fields *f, double *seconds) {
    double hour = mlp_group(f, MLP_G_H, MLP_G_H), minute = mlp_group(f, MLP_G_M, MLP_G_M);
    double second = mlp_group(f, MLP_G_S, MLP_G_S), days, sign;
    int i, has_mark = 0;
    for (i = 0; i < f->text.n; i++) has_mark |= f->shape[i] == ':';
    if (has_mark && (second >= 60 || (minute >= 60 && mlp_has(f, MLP_G_H)))) return 0;
    days = mlp_group(f, MLP_G_W, MLP_G_W) * 7 + mlp_group(f, MLP_G_D, MLP_G_D);
    sign = mlp_has(f, MLP_G_sign) && f->shape[f->span[2 * MLP_G_sign]] == '-' ? -1 : 1;
    *seconds = sign * (days * MLP_DAY + hour * 3600 + minute * 60 + second + mlp_fraction(f));
    return 1;
}

/* Seconds: of a date since 1970 in UTC, of a time of day since midnight, of a duration its length. */
static int mlp_read_time(const mlp_format *format, mlp_fields *f, double *seconds) {
    int i, k, is_read = 0;
    for (i = 0; i < f->text.n; i++) f->shape[i] = mlp_shape(f->text.c[i]);
    for (i = 0; i < format->n_layouts; i++) {
        for (k = 0; k < 2 * MLP_N_GROUPS; k++) f->span[k] = -1;
        if (!mlp_match(f, (unsigned)format->layouts[i], 0)) continue;
        is_read |= format->kind == MLP_DATE    ? mlp_date_seconds(f, seconds)
                   : format->kind == MLP_CLOCK ? mlp_clock_seconds(f, seconds)
                                               : mlp_duration_seconds(f, seconds);
    }
    return is_read;
}

#endif

#if MLP_FORMATS

/* The number of a cell, NAN where there is none; 0 for what is not written like its column. */
static int mlp_read(int cell, const char *text, double *value) {
    const mlp_format *format = &mlp_formats[cell];
    int is_read = 0;
    *value = NAN;
    if (format->kind == MLP_TEXT || mlp_is_missing(text)) return 1;
#if MLP_NUMBERS
    if (format->kind == MLP_PLAIN) {
        mlp_text given;
        is_read = mlp_decode(text, &given) && mlp_read_number(format, &given, value);
    }
#endif
#if MLP_TIMES
    if (format->kind != MLP_PLAIN) {
        mlp_fields fields;
        is_read = mlp_decode(text, &fields.text) && mlp_read_time(format, &fields, value);
    }
#endif
    if (is_read && fabs(*value) > 1.7976931348623157e308) {
        *value = NAN;
        return MLP_INFINITE_IS_MISSING;
    }
    return is_read;
}

#endif
#endif

#if MLP_DATES

/* Days since 1970-01-01 -> year, month, day. */
static void mlp_date_of(long days, long *year, long *month, long *day) {
    long since = days + 719468, era = (since >= 0 ? since : since - 146096) / 146097, of_era = since - era * 146097;
    long of_years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    long of_year = of_era - (365 * of_years + of_years / 4 - of_years / 100), shifted = (5 * of_year + 2) / 153;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = of_years + era * 400 + (*month <= 2);
    *day = of_year - (153 * shifted + 2) / 5 + 1;
}

/* A part of a date, in UTC to the microsecond. */
static double mlp_part(int part, int is_sine, double seconds) {
    double micro, of_day, turn;
    long days, year, month, day;
    if (isnan(seconds) || part == MLP_VALUE) return seconds;
    if (part == MLP_ELAPSED) return seconds / MLP_DAY;
    micro = nearbyint(seconds * 1e6);
    days = (long)floor(micro / (MLP_DAY * 1e6));
    of_day = micro - (double)days * MLP_DAY * 1e6;
    mlp_date_of(days, &year, &month, &day);
    if (part == MLP_YEAR) return (double)year;
    turn = part == MLP_MONTH     ? (double)(month - 1) / 12
           : part == MLP_DAY_OF  ? (double)(day - 1) / 31
           : part == MLP_WEEKDAY ? (double)(((days + 3) % 7 + 7) % 7) / 7
                                 : floor(of_day / 6e7) / (24 * 60);
    return is_sine ? sin(2 * MLP_PI * turn) : cos(2 * MLP_PI * turn);
}

#endif

/* --- inputs ------------------------------------------------------------------------------------------------ */

static double mlp_clamp(double value, double low, double high) {
    return value < low ? low : value > high ? high : value;
}

#if MLP_N_NUMBERS || MLP_N_WORDS
static double mlp_bent(double z, double clip) {
    return clip > 0 ? z / sqrt(1 + (z / clip) * (z / clip)) : z;
}
#endif

#if MLP_N_NUMBERS
static void mlp_fill_number(const mlp_number *rule, double given, mlp_real *x) {
    double value = mlp_clamp(isnan(given) ? rule->median : given, -1e300, 1e300), inside, z;
    int i;
    z = mlp_clamp((value - rule->center) * rule->factor, -1e6, 1e6);
    x[rule->plain] = (mlp_real)mlp_bent(fabs(z) < 1e-30 ? 0 : z, rule->clip);
    if (rule->has_indicator) x[rule->plain + 1] = (mlp_real)(isnan(given) ? rule->missing : rule->present);
    if (rule->n_edges > 0) inside = mlp_clamp(value, rule->edges[0], rule->edges[rule->n_edges - 1]);
    else inside = value;
    for (i = 0; i + 1 < rule->n_edges; i++) {
        double share = mlp_clamp((inside - rule->edges[i]) / (rule->edges[i + 1] - rule->edges[i]), 0, 1);
        x[rule->ple + i] = (mlp_real)(2 * rule->shrink * (share - 0.5));
    }
    for (i = 0; i < rule->n_cuts; i++) x[rule->cuts + i] = (mlp_real)(value > rule->cut[i] ? 0.25 : -0.25);
}
#endif

#if MLP_N_WORDS

static int mlp_is_of_word(uint32_t c) {
    int low = 0, high = MLP_N_OF_WORDS; /* ascending: first of a range, first behind it, ... */
    while (low < high) {
        int middle = (low + high) / 2;
        if (mlp_of_words[middle] <= c) low = middle + 1;
        else high = middle;
    }
    return low % 2;
}

/* The character with its case folded, up to three; how many. */
static int mlp_fold_case(uint32_t c, uint32_t folded[3]) {
    int low = 0, high = MLP_N_CASES, n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (mlp_cases[middle][0] < c) low = middle + 1;
        else high = middle;
    }
    folded[0] = c;
    if (low == MLP_N_CASES || mlp_cases[low][0] != c) return 1;
    for (n = 0; n < 3 && mlp_cases[low][n + 1] != 0; n++) folded[n] = mlp_cases[low][n + 1];
    return n;
}

static uint32_t mlp_crc32(uint32_t rest, uint32_t character) {
    char bytes[5];
    int i, bit;
    mlp_encode(&character, 1, bytes);
    for (i = 0; bytes[i] != '\0'; i++) {
        rest ^= (unsigned char)bytes[i];
        for (bit = 0; bit < 8; bit++) rest = rest & 1u ? rest >> 1 ^ 0xEDB88320u : rest >> 1;
    }
    return rest;
}

static void mlp_count(const mlp_words *rule, uint32_t hash, mlp_real *x) {
    int slot = (int)(hash * 0xC2B2AE3Du >> 16), low = 0, high = rule->n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (rule->slots[middle] < slot) low = middle + 1;
        else high = middle;
    }
    if (low < rule->n && rule->slots[low] == slot) x[rule->start + low] += 1;
}

/* log(1 + occurrences) of hashed words and pairs of neighbouring words; 0 for what is not UTF-8. */
static int mlp_fill_words(const mlp_words *rule, const char *text, mlp_real *x) {
    uint32_t hash = 0xFFFFFFFFu, before = 0, c, folded[3];
    int n_words = 0, is_inside = 0, i, n;
    for (i = 0; i < rule->n; i++) x[rule->start + i] = 0;
    do {
        c = mlp_next(&text);
        if (c == 0xFFFFFFFFu) return 0;
        n = mlp_fold_case(c, folded);
        for (i = 0; i < n; i++) {
            if (mlp_is_of_word(folded[i])) {
                hash = mlp_crc32(hash, folded[i]);
                is_inside = 1;
            } else if (is_inside) {
                hash ^= 0xFFFFFFFFu;
                mlp_count(rule, hash, x);
                if (n_words > 0) mlp_count(rule, before * 0x9E3779B1u + hash * 0x85EBCA6Bu, x);
                before = hash;
                hash = 0xFFFFFFFFu;
                n_words++;
                is_inside = 0;
            }
        }
    } while (c != 0);
    for (i = 0; i < rule->n; i++) {
        double z = (log1p((double)x[rule->start + i]) - rule->center[i]) * rule->factor[i];
        x[rule->start + i] = (mlp_real)mlp_bent(z, rule->clip);
    }
    return 1;
}

#endif

#if MLP_N_NUMBERS
/* The number of a cell, NAN where there is none; 0 for one that is none of its column. */
static int mlp_number_of(const mlp_row *row, const mlp_number *rule, double *value) {
#if MLP_TEXTS
    return mlp_read(rule->cell, row->cells[rule->cell], value);
#else
    *value = row->numbers[mlp_places[rule->cell]];
    if (fabs(*value) > 1.7976931348623157e308) {
        *value = NAN;
        return MLP_INFINITE_IS_MISSING;
    }
    return isnan(*value) || rule->part == MLP_VALUE || fabs(*value) < 3e11; /* up to the year 9999 */
#endif
}
#endif

#if MLP_N_CATEGORIES || MLP_N_EMBEDDED
/* The code of a level; -1 for one that is none. */
static int mlp_code_of(const mlp_row *row, int cell, const mlp_level *levels, int n, int n_codes, int missing, int other) {
#if MLP_TEXTS
    (void)n_codes;
    return mlp_is_missing(row->cells[cell]) ? missing : mlp_find(levels, n, row->cells[cell], other);
#else
    int code = row->levels[mlp_places[cell]];
    (void)levels, (void)n, (void)missing, (void)other;
    return code >= 0 && code < n_codes ? code : -1;
#endif
}
#endif

/* The inputs of the networks; 0, or -1 - the number of a cell that is not written like its column. */
static int mlp_inputs(const mlp_row *row, mlp_real *x) {
    int i;
#if MLP_N_CATEGORIES
    int met[MLP_N_CATEGORIES];
#endif
    for (i = 0; i < MLP_N_INPUTS; i++) x[i] = 0;
#if MLP_N_NUMBERS
    for (i = 0; i < MLP_N_NUMBERS; i++) {
        const mlp_number *rule = &mlp_numbers[i];
        double value;
        if (!mlp_number_of(row, rule, &value)) return -1 - rule->cell;
#if MLP_DATES
        value = mlp_part(rule->part, rule->is_sine, value);
#endif
        mlp_fill_number(rule, value, x);
    }
#endif
#if MLP_N_CATEGORIES
    for (i = 0; i < MLP_N_CATEGORIES; i++) {
        const mlp_category *c = &mlp_categories[i];
        int code = mlp_code_of(row, c->cell, c->levels, c->n_levels, c->n_codes, c->missing, c->other), k;
        if (code < 0) return -1 - c->cell;
        for (k = 0; k < c->n_off; k++) x[c->start + k] = (mlp_real)c->off[k];
        if (c->codes[code].input >= 0) x[c->start + c->codes[code].input] = (mlp_real)c->codes[code].on;
        met[i] = c->codes[code].met;
    }
    for (i = 0; i < MLP_N_PAIRS; i++) {
        const mlp_pair *p = &mlp_pairs[i];
        if (met[p->first] == p->met_first && met[p->second] == p->met_second) x[p->place] = (mlp_real)p->value;
    }
    (void)met;
#endif
#if MLP_N_EMBEDDED
    for (i = 0; i < MLP_N_EMBEDDED; i++) {
        const mlp_embedded *e = &mlp_embeddeds[i];
        int code = mlp_code_of(row, e->cell, e->levels, e->n_levels, e->n_codes, e->missing, 0);
        if (code < 0) return -1 - e->cell;
        x[e->place] = (mlp_real)code;
    }
#endif
#if MLP_N_WORDS
    for (i = 0; i < MLP_N_WORDS; i++) {
        const mlp_words *w = &mlp_texts[i];
        const char *text = mlp_is_missing(row->cells[w->cell]) ? "" : row->cells[w->cell];
        if (!mlp_fill_words(w, text, x)) return -1 - w->cell;
    }
#endif
    return 0;
}

/* --- networks ---------------------------------------------------------------------------------------------- */

#if MLP_SINGLE
#define mlp_exp expf
#define mlp_expm1 expm1f
#define mlp_log1p log1pf
#define mlp_tanh tanhf
#define mlp_sqrt sqrtf
#define mlp_abs fabsf
#else
#define mlp_exp exp
#define mlp_expm1 expm1
#define mlp_log1p log1p
#define mlp_tanh tanh
#define mlp_sqrt sqrt
#define mlp_abs fabs
#endif
#define R(number) ((mlp_real)(number))

static mlp_real mlp_activated(int kind, mlp_real z) {
    mlp_real w;
    switch (kind) {
    case MLP_SIGMOID: return R(0.5) * (1 + mlp_tanh(R(0.5) * z));
    case MLP_TANH: return mlp_tanh(z);
    case MLP_RELU: return z > 0 ? z : 0;
    case MLP_LEAKY_RELU: return z > 0 ? z : R(0.01) * z;
    case MLP_ELU: return z > 0 ? z : mlp_expm1(z);
    case MLP_SELU: return R(1.0507009873554805) * (z > 0 ? z : R(1.6732632423543772) * mlp_expm1(z));
    case MLP_GELU: return R(0.5) * z * (1 + mlp_tanh(R(0.7978845608028654) * (z + R(0.044715) * z * z * z)));
    case MLP_SILU: return z * R(0.5) * (1 + mlp_tanh(R(0.5) * z));
    case MLP_MISH:
        w = 1 + mlp_exp(z < 20 ? z : 20);
        return z * (1 - 2 / (w * w + 1));
    case MLP_SOFTPLUS: return (z > 0 ? z : 0) + mlp_log1p(mlp_exp(-mlp_abs(z)));
    default: return z;
    }
}

static void mlp_standardise(mlp_real *x, const float *scale, int n, double epsilon) {
    mlp_real mean = 0, variance = 0, inverse;
    int i;
    for (i = 0; i < n; i++) mean += x[i];
    mean /= R(n);
    for (i = 0; i < n; i++) variance += (x[i] - mean) * (x[i] - mean);
    inverse = 1 / mlp_sqrt(variance / R(n) + R(epsilon));
    for (i = 0; i < n; i++) x[i] = (x[i] - mean) * inverse * R(scale[i]) + R(scale[n + i]);
}

/* Runs a network on the inputs; `logits` gets what its last layer says. */
static void mlp_run(const mlp_net *net, const mlp_real *x, double *logits) {
    mlp_real here[MLP_WIDTH], there[MLP_WIDTH];
    int n = 0, i, k, s;
    for (i = 0; i < net->n_inputs; i++) here[n++] = x[net->inputs[i]];
    for (i = 0; i < net->n_tables; i++) {
        const mlp_table *table = &net->tables[i];
        const float *vector = mlp_weights + table->at + (long)x[table->place] * table->width;
        for (k = 0; k < table->width; k++) here[n++] = R(vector[k]);
    }
    for (s = 0; s < net->n_steps; s++) {
        const mlp_step *step = &net->steps[s];
        const float *w = mlp_weights + step->at;
        switch (step->kind) {
        case MLP_LINEAR:
            for (k = 0; k < step->n_out; k++) there[k] = R(w[k]);
            w += step->n_out;
            for (i = 0; i < n; i++, w += step->n_out)
                if (here[i] != 0)
                    for (k = 0; k < step->n_out; k++) there[k] += here[i] * R(w[k]);
            n = step->n_out;
            memcpy(here, there, (size_t)n * sizeof there[0]);
            break;
        case MLP_AFFINE:
            for (k = 0; k < n; k++) here[k] = here[k] * R(w[k]) + R(w[n + k]);
            break;
        case MLP_STANDARDISE: mlp_standardise(here, w, n, step->epsilon); break;
        default:
            for (k = 0; k < n; k++) here[k] = mlp_activated(step->kind, here[k]);
        }
    }
    for (k = 0; k < n; k++) logits[k] = isnan(here[k]) ? 0 : mlp_clamp((double)here[k], -MLP_FLOAT_MAX, MLP_FLOAT_MAX);
}

/* Logits -> probabilities, or a value, in place. */
static void mlp_link(double *z) {
#if MLP_LINK == 0
    double largest = z[0], sum = 0;
    int i;
    for (i = 1; i < MLP_N_LABELS; i++) largest = z[i] > largest ? z[i] : largest;
    for (i = 0; i < MLP_N_LABELS; i++) sum += z[i] = exp(z[i] - largest);
    for (i = 0; i < MLP_N_LABELS; i++) z[i] /= sum;
#elif MLP_LINK == 1
    double share = 0.5 * (1 + tanh(0.5 * z[0]));
    z[0] = 1 - share;
    z[1] = share;
#elif MLP_LINK == 3
    z[0] = exp(mlp_clamp(z[0], -80, 80));
#else
    (void)z;
#endif
}

#if MLP_N_LABELS
/* Probabilities -> the number of the class that is said. */
static int mlp_decide(const double *shares) {
    int i, best = 0;
#if MLP_N_COSTS
    double least = HUGE_VAL;
    int truth;
    for (i = 0; i < MLP_N_LABELS; i++) {
        double expected = 0;
        for (truth = 0; truth < MLP_N_LABELS; truth++) expected += shares[truth] * mlp_costs[truth][i];
        if (expected < least) {
            least = expected;
            best = i;
        }
    }
#elif defined MLP_THRESHOLD
    (void)i;
    best = shares[1] >= MLP_THRESHOLD;
#else
    for (i = 1; i < MLP_N_LABELS; i++) best = shares[i] > shares[best] ? i : best;
#endif
    return best;
}
#endif

#if MLP_INTERVAL
static void mlp_interval(const mlp_real *x, double *out) {
    double log = MLP_SCALE_BASE, standardised = (out[0] - MLP_MEAN) / MLP_STD, half;
    int i;
    for (i = 0; i < MLP_N_SCALE; i++) {
        const mlp_scale *step = &mlp_scales[i];
        log += (step->place < 0 ? standardised : (double)x[step->place]) <= step->cut ? step->below : step->above;
    }
    half = MLP_SCALE_FACTOR * exp(mlp_clamp(log, -MLP_SCALE_MAX, MLP_SCALE_MAX));
    out[1] = out[0] - half > MLP_LOWEST ? out[0] - half : MLP_LOWEST;
    out[2] = out[0] + half > MLP_LOWEST ? out[0] + half : MLP_LOWEST;
}
#endif

int mlp_predict(const mlp_row *row, double *out) {
    mlp_real x[MLP_N_INPUTS];
    double logits[MLP_WIDTH];
    int problem = mlp_inputs(row, x), i, k;
    if (problem != 0) return problem;
    for (k = 0; k < MLP_N_OUTPUTS; k++) out[k] = 0;
    for (i = 0; i < MLP_N_NETS; i++) {
        const mlp_net *net = &mlp_nets[i];
        mlp_run(net, x, logits);
        for (k = 0; k < MLP_WIDTH_OF_LOGITS; k++) logits[k] /= net->temperature;
        mlp_link(logits);
        for (k = 0; k < MLP_N_SHARES; k++) out[k] += net->share * logits[k];
    }
#if MLP_N_LABELS
    return mlp_decide(out);
#else
    out[0] = mlp_clamp(out[0] * MLP_STD + MLP_MEAN, MLP_LOW, MLP_HIGH);
#if MLP_INTERVAL
    mlp_interval(x, out);
#endif
    return 0;
#endif
}

/* --- a program --------------------------------------------------------------------------------------------- */

#ifdef MLP_MAIN
#include <stdio.h>
#include <stdlib.h>

/* As Python writes a number of six digits behind the point. */
static void mlp_print_share(double share) {
    char text[32];
    double millionths = nearbyint(share * 1e6);
    if (millionths > 0 && millionths < 100) {
        snprintf(text, sizeof text, "%.1f", millionths < 10 ? millionths : millionths / 10);
        if (text[2] == '0') text[1] = '\0';
        printf("%se-0%d", text, millionths < 10 ? 6 : 5);
        return;
    }
    snprintf(text, sizeof text, "%.6f", millionths / 1e6);
    while (text[strlen(text) - 1] == '0' && text[strlen(text) - 2] != '.') text[strlen(text) - 1] = '\0';
    fputs(text, stdout);
}

/* The answer to a row as a line; `is_full` for all digits. */
static void mlp_print(int said, const double *out, int is_full) {
    int i;
#if MLP_N_LABELS
    fputs(mlp_written_labels[said], stdout);
    for (i = 0; i < MLP_N_OUTPUTS; i++) {
        putchar(',');
        if (is_full) printf("%.17g", out[i]);
        else mlp_print_share(out[i]);
    }
#else
    (void)said, (void)mlp_print_share;
    for (i = 0; i < MLP_N_OUTPUTS; i++) printf(is_full ? "%s%.17g" : "%s%.9g", i > 0 ? "," : "", out[i]);
#endif
    putchar('\n');
}

#if MLP_TEXTS

typedef struct { /* a text that is taken apart in place: cells end with '\0' where their delimiters stood */
    char *at, *end;
    long line;
    const char **cells;
    size_t n, room;
} mlp_csv;

static void mlp_fail(long line, const char *what, const char *which, const char *cell) {
    fflush(stdout);
    fprintf(stderr, "line %ld: %s%s", line, what, which);
    if (cell != NULL) fprintf(stderr, ", found '%.60s'", cell);
    fputc('\n', stderr);
    exit(2);
}

static void *mlp_grown(void *held, size_t size) {
    void *found = realloc(held, size);
    if (found == NULL) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return found;
}

static char *mlp_read_all(size_t *n) {
    size_t room = 1 << 16, got;
    char *text = mlp_grown(NULL, room + 1);
    *n = 0;
    while ((got = fread(text + *n, 1, room - *n, stdin)) > 0) {
        *n += got;
        if (*n == room) text = mlp_grown(text, 1 + (room *= 2));
    }
    text[*n] = '\0';
    return text;
}

static int mlp_at_end(const mlp_csv *csv) {
    return csv->at == csv->end || *csv->at == '\n' || *csv->at == '\r';
}

static void mlp_end_line(mlp_csv *csv) {
    if (csv->at == csv->end) return;
    if (csv->at[0] == '\r' && csv->at[1] == '\n') csv->at += 2;
    else if (csv->at[0] == '\r' && csv->at[1] == '\r' && csv->at[2] == '\n') csv->at += 3;
    else csv->at += 1;
    csv->line++;
}

static void mlp_skip_line(mlp_csv *csv) {
    while (!mlp_at_end(csv)) csv->at++;
    mlp_end_line(csv);
}

/* What stands in quotes, to `to`, and where it ends there. */
static char *mlp_in_quotes(mlp_csv *csv, char *to) {
    for (csv->at++; csv->at < csv->end; csv->at++) {
        if (MLP_ESCAPE != 0 && *csv->at == MLP_ESCAPE && csv->at + 1 < csv->end) csv->at++;
        else if (*csv->at == MLP_QUOTE && csv->at + 1 < csv->end && csv->at[1] == MLP_QUOTE) csv->at++;
        else if (*csv->at == MLP_QUOTE) break;
        if (*csv->at == '\n' || (*csv->at == '\r' && csv->at[1] != '\n')) csv->line++;
        *to++ = *csv->at;
    }
    if (csv->at == csv->end) mlp_fail(csv->line, "a quote opens that never closes", "", NULL);
    csv->at++;
    return to;
}

/* The cells of the record that begins here; 0 where text stands behind a closing quote. */
static int mlp_record(mlp_csv *csv) {
    int is_whole = 1, is_last = 0;
    for (csv->n = 0; !is_last; csv->n++) {
        char *to;
        if (csv->n == csv->room) csv->cells = mlp_grown(csv->cells, (csv->room = 2 * csv->room + 16) * sizeof *csv->cells);
        if (MLP_SPACES && csv->n > 0 && csv->at < csv->end && *csv->at == ' ') csv->at++;
        csv->cells[csv->n] = to = csv->at;
        if (csv->at < csv->end && *csv->at == MLP_QUOTE) {
            to = mlp_in_quotes(csv, to);
            if (!mlp_at_end(csv) && *csv->at != MLP_DELIMITER) is_whole = 0;
        }
        for (; !mlp_at_end(csv) && *csv->at != MLP_DELIMITER; csv->at++) {
            if (MLP_ESCAPE != 0 && *csv->at == MLP_ESCAPE && csv->at + 1 < csv->end) csv->at++;
            *to++ = *csv->at;
        }
        is_last = mlp_at_end(csv);
        if (is_last) mlp_end_line(csv);
        else csv->at++;
        *to = '\0';
    }
    return is_whole;
}

/* The place of a column among the names of the header, without spaces around them unless only these tell some apart. */
static size_t mlp_place(const mlp_csv *csv, int is_exact, const char *name) {
    size_t i, n;
    char unnamed[40];
    for (i = 0; i < csv->n; i++) {
        const char *start = csv->cells[i];
        if (is_exact) n = strlen(start);
        else mlp_strip(start, &start, &n);
        if (n == 0) {
            snprintf(unnamed, sizeof unnamed, "unnamed_%lu", (unsigned long)i + 1);
            n = strlen(start = unnamed);
        }
        if (strlen(name) == n && memcmp(name, start, n) == 0) return i;
    }
    mlp_fail(csv->line - 1, "no column ", name, NULL);
    return 0;
}

static int mlp_is_ambiguous(const mlp_csv *csv) {
    size_t i, k, n, m;
    const char *a, *b;
    for (i = 0; i < csv->n; i++)
        for (k = 0; k < i; k++) {
            mlp_strip(csv->cells[i], &a, &n);
            mlp_strip(csv->cells[k], &b, &m);
            if (n == m && memcmp(a, b, n) == 0 && strcmp(csv->cells[i], csv->cells[k]) != 0) return 1;
        }
    return 0;
}

static void mlp_answer(const mlp_csv *csv, const size_t *places, long line, int is_full) {
    mlp_row row;
    double out[MLP_N_OUTPUTS];
    int i, said;
    for (i = 0; i < MLP_N_CELLS; i++) row.cells[i] = csv->cells[places[i]];
    said = mlp_predict(&row, out);
    if (said < 0) mlp_fail(line, "not written like its column: ", mlp_columns[-1 - said], row.cells[-1 - said]);
    mlp_print(said, out, is_full);
}

int main(int argc, char **argv) {
    size_t size, places[MLP_N_CELLS], width = 0, blank = 0;
    char *text = mlp_read_all(&size);
    mlp_csv csv = {NULL, NULL, 1, NULL, 0, 0};
    int is_full = argc > 1 && strcmp(argv[1], "--full") == 0, is_trailing = -1, is_exact, i;
    if (memchr(text, '\0', size) != NULL) mlp_fail(1, "a zero byte: the rows are not UTF-8", "", NULL);
    csv.at = text + (size >= 3 && memcmp(text, "\357\273\277", 3) == 0 ? 3 : 0);
    csv.end = text + size;
    for (i = 0; i < MLP_SKIP_ROWS; i++) mlp_skip_line(&csv);
    puts(mlp_header);
    while (csv.at < csv.end) {
        long line = csv.line;
        int is_whole;
        if (MLP_COMMENT != 0 && *csv.at == MLP_COMMENT) {
            mlp_skip_line(&csv);
            continue;
        }
        if (mlp_at_end(&csv)) {
            mlp_end_line(&csv);
            blank++;
            continue;
        }
        is_whole = mlp_record(&csv);
        if (width == 0) {
            width = csv.n;
            blank = 0;
            is_exact = MLP_HAS_HEADER && mlp_is_ambiguous(&csv);
            for (i = 0; i < MLP_N_CELLS; i++)
                places[i] = MLP_HAS_HEADER ? mlp_place(&csv, is_exact, mlp_columns[i]) : mlp_numbers_of_columns[i];
            for (i = 0; i < MLP_N_CELLS; i++)
                if (places[i] >= width) mlp_fail(line, "no column ", mlp_columns[i], NULL);
            if (MLP_HAS_HEADER) continue;
        }
        if (width == 1 && is_whole && csv.n == 1) { /* a blank line between others is a row without a value */
            const char *cell = csv.cells[0];
            for (csv.cells[0] = ""; blank > 0; blank--) mlp_answer(&csv, places, line - (long)blank, is_full);
            csv.cells[0] = cell;
        }
        blank = 0;
        if (is_trailing < 0) is_trailing = MLP_HAS_HEADER && csv.n == width + 1 && csv.cells[width][0] == '\0';
        if (is_trailing && csv.n == width + 1 && csv.cells[width][0] == '\0') csv.n--;
        if (is_whole && csv.n == width) mlp_answer(&csv, places, line, is_full);
        else if (MLP_SKIPS_BAD_ROWS) puts(mlp_nothing);
        else if (is_whole) mlp_fail(line, "not as many fields as the header", "", NULL);
        else mlp_fail(line, "text after a closing quote", "", NULL);
    }
    free(csv.cells);
    free(text);
    return 0;
}

#else

/* Lines of numbers and of codes of levels, in the order of mlp_row, with spaces between them; nan for no value. */
int main(int argc, char **argv) {
    mlp_row row;
    double out[MLP_N_OUTPUTS];
    int is_full = argc > 1 && strcmp(argv[1], "--full") == 0, i, said;
    puts(mlp_header);
    for (;;) {
        for (i = 0; i < MLP_N_OF_NUMBERS; i++)
            if (scanf("%lf", &row.numbers[i]) != 1) return i > 0;
        for (i = 0; i < MLP_N_OF_LEVELS; i++)
            if (scanf("%d", &row.levels[i]) != 1) return i > 0 || MLP_N_OF_NUMBERS > 0;
        said = mlp_predict(&row, out);
        if (said < 0) return 2;
        mlp_print(said, out, is_full);
    }
}

#endif
#endif
#endif
