#pragma once
#include <oniguruma.h>

// Macros over casts and addresses of globals, which Swift does not import.

static inline OnigEncoding stade_onig_utf8(void) { return ONIG_ENCODING_UTF8; }

static inline OnigSyntaxType *stade_onig_syntax(void) { return ONIG_SYNTAX_DEFAULT; }

static inline OnigSyntaxType *stade_onig_perl_syntax(void) { return ONIG_SYNTAX_PERL_NG; }

// Variadic.
static inline int stade_onig_error(UChar *text, int code, OnigErrorInfo *info) {
    return onig_error_code_to_str(text, code, info);
}
