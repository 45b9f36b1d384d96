# Scripts as C: one array of lines for each, and the table of all.
function quoted(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    return "\"" text "\""
}
BEGIN {
    print "/* Made from sessions/recipes by src/session/recipe_texts.awk. */"
    print "#include \"session/recipe.h\""
    print "#include <stddef.h>"
}
FNR == 1 {
    if (count)
        print "    NULL,\n};"
    name[++count] = FILENAME
    sub(/.*\//, "", name[count])
    sub(/\.tns$/, "", name[count])
    summary[count] = $0
    sub(/^# */, "", summary[count])
    printf "\nstatic const char *const lines_%d[] = {\n", count
}
{ print "    " quoted($0) "," }
END {
    print "    NULL,\n};\n\nconst struct tn_recipe tn_recipes[] = {"
    for (i = 1; i <= count; i++)
        printf "    {%s, %s, lines_%d},\n", quoted(name[i]), quoted(summary[i]), i
    print "    {NULL, NULL, NULL},\n};"
}
