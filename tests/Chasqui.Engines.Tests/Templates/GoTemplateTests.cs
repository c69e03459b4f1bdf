using Chasqui.Engines.Templates;

namespace Chasqui.Engines.Tests.Templates;

public sealed class GoTemplateTests
{
    private const string ChatMl =
        "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n";

    private static readonly ChatMessage[] _turns =
    [
        new() { Role = "system", Content = "You are kind." },
        new() { Role = "user", Content = "Hello!" },
        new() { Role = "assistant", Content = "Hi <you> & \"me\"." },
        new() { Role = "user", Content = "Bye." },
    ];

    private static string Render(string template, params ChatMessage[] messages) =>
        GoTemplate.Parse(template).Render(new TemplateInput { Messages = messages.Length == 0 ? _turns : messages });

    [Fact]
    public void A_template_of_messages_is_run_once_over_all_of_them() => Assert.Equal(
        "<|im_start|>system\nYou are kind.<|im_end|>\n<|im_start|>user\nHello!<|im_end|>\n"
        + "<|im_start|>assistant\nHi <you> & \"me\".<|im_end|>\n<|im_start|>user\nBye.<|im_end|>\n<|im_start|>assistant\n",
        Render(ChatMl));

    [Theory]
    [InlineData("[{{ len .Messages }}]", "[4]")]
    [InlineData("{{ with .Messages }}x{{ end }}{{- /* c */ -}}  {{ .System }}", "xYou are kind.")]
    [InlineData("a {{- 1 -}} b{{ .Messages | len }}", "a1b4")]
    [InlineData("{{ range $i, $m := .Messages }}{{ $i }}{{ $m.Role }} {{ end }}", "0system 1user 2assistant 3user ")]
    [InlineData("{{ range .Messages }}{{ if eq .Role \"assistant\" }}{{ break }}{{ end }}{{ .Role }},{{ end }}", "system,user,")]
    [InlineData("{{ range .Messages }}{{ if ne .Role \"user\" }}{{ continue }}{{ end }}{{ .Content }}{{ end }}", "Hello!Bye.")]
    [InlineData("{{ $x := \"a\" }}{{ range .Messages }}{{ $x = printf \"%s%d\" $x (len .Role) }}{{ end }}{{ $x }}", "a6494")]
    [InlineData("{{ range .Nothing }}x{{ else }}none{{ end }}{{ len .Messages }}", "none4")]
    [InlineData("{{ if and .System (not .Nothing) (or .Nothing \"y\") }}yes{{ end }}{{ len .Messages }}", "yes4")]
    [InlineData("{{ (index .Messages 1).Content }} {{ (slice .Messages 2 3 | len) }}", "Hello! 1")]
    [InlineData("{{ range $i, $_ := .Messages }}{{ if eq (len (slice $.Messages $i)) 1 }}last={{ .Content }}{{ end }}{{ end }}", "last=Bye.")]
    [InlineData("{{ json (index .Messages 2).Content }}", "\"Hi \\u003cyou\\u003e \\u0026 \\\"me\\\".\"")]
    [InlineData("{{ printf \"%q|%5s|%-4d|%v|%05d|%x|%%|%t\" \"a\\n\" \"b\" 7 .Nothing 42 \"é\" true }}{{ len .Messages }}",
        "\"a\\n\"|    b|7   |<nil>|00042|c3a9|%|true4")]
    [InlineData("{{ .Nothing }}{{ len .Messages }}", "<no value>4")]
    [InlineData("{{ define \"t\" }}<{{ . }}>{{ end }}{{ range .Messages }}{{ template \"t\" .Role }}{{ end }}",
        "<system><user><assistant><user>")]
    [InlineData("{{ block \"t\" .Messages }}{{ len . }}{{ end }}", "4")]
    [InlineData("{{ range 3 }}{{ . }}{{ end }}{{ len .Messages }}", "0124")]
    [InlineData("{{ print 1 2 \"a\" 3 }} {{ println 1 \"b\" }}{{ len .Messages }}", "1 2a3 1 b\n4")]
    [InlineData("{{ if lt 1 2 }}a{{ else if gt 1 2 }}b{{ else }}c{{ end }}{{ ge 2.5 2.5 }}{{ len .Messages }}", "atrue4")]
    [InlineData("{{ eq 1 2 3 1 }} {{ html \"<a&b>\" }} {{ len .Messages }}", "true &lt;a&amp;b&gt; 4")]
    [InlineData("{{ with $y := 5 }}{{ $y }}{{ . }}{{ else with .System }}{{ . }}{{ end }}{{ len .Messages }}", "554")]
    [InlineData("{{ with .Nothing }}n{{ else with .System }}{{ . }}{{ end }}{{ len .Messages }}", "You are kind.4")]
    [InlineData("{{`raw {{ }}`}}{{ 'a' }}{{ 0x10 }}{{ 1e3 }}{{ 1000000.0 }} {{ len .Messages }}", "raw {{ }}97161000" + "1e+06 4")]
    public void The_language_is_that_of_Go(string template, string expected) => Assert.Equal(expected, Render(template));

    [Theory]
    [InlineData("{{ .Nope ", "template: :1: unclosed action")]
    [InlineData("a\n{{ .Nope\n", "template: :3: unclosed action started at :2")]
    [InlineData("{{ foo }}", "template: :1: function \"foo\" not defined")]
    [InlineData("{{ $x }}", "template: :1: undefined variable \"$x\"")]
    [InlineData("{{ if .X }}", "template: :1: unexpected EOF")]
    [InlineData("{{ end }}", "template: :1: unexpected {{end}}")]
    [InlineData("{{ else }}", "template: :1: unexpected {{else}}")]
    [InlineData("{{ }}", "template: :1: missing value for command")]
    [InlineData("{{ if }}{{ end }}", "template: :1: missing value for if")]
    [InlineData("{{ \"abc }}", "template: :1: unterminated quoted string")]
    [InlineData("{{/* x", "template: :1: unclosed comment")]
    [InlineData("{{ (1 }}", "template: :1: unclosed left paren")]
    [InlineData("{{ 1) }}", "template: :1: unexpected right paren")]
    [InlineData("{{ .A | 1 }}", "template: :1: non executable command in pipeline stage 2")]
    [InlineData("{{ break }}", "template: :1: {{break}} outside {{range}}")]
    [InlineData("{{ 1 ! }}", "template: :1: unexpected \"!\" in operand")]
    [InlineData("{{ template \"x\" }}", "undefined template specified")]
    public void What_is_no_template_is_refused_in_the_words_of_Go(string template, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidTemplateException>(() => GoTemplate.Parse(template)).Message);

    [Theory]
    [InlineData("{{ range .Messages }}{{ .Foo }}{{ end }}", "template: :1:24: executing \"\" at <.Foo>: can't evaluate field Foo in type *template.templateMessage")]
    [InlineData("{{ .Messages.X }}", "can't evaluate field X in type []*template.templateMessage")]
    [InlineData("{{ .A.B }}{{ .Messages }}", "nil pointer evaluating interface {}.B")]
    [InlineData("{{ index .Messages 9 }}", "error calling index: index out of range: 9")]
    [InlineData("{{ eq .Messages 1 }}", "error calling eq: incompatible types for comparison")]
    [InlineData("{{ len 3 }}{{ .Messages }}", "error calling len: len of type int")]
    [InlineData("{{ range .System }}{{ end }}{{ .Messages }}", "range can't iterate over a value of type string")]
    [InlineData("{{ template \"x\" .Messages }}", "template \"x\" not defined")]
    [InlineData("{{ define \"x\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" .Messages }}", "exceeded maximum template depth")]
    public void What_a_template_cannot_do_is_refused_when_it_runs(string template, string message) =>
        Assert.Contains(message, Assert.Throws<InvalidTemplateException>(() => Render(template)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{{ range 1000000000000 }}{{ end }}{{ .Messages }}")]
    [InlineData("{{ $x := \"0123456789\" }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}{{ .Messages }}")]
    [InlineData("{{ range 1000 }}{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}{{ end }}{{ .Messages }}")]
    [InlineData("{{ range 100000 }}{{ printf \"%1000000d\" 1 }}{{ end }}{{ .Messages }}")]
    public void A_template_that_would_take_for_ever_is_stopped(string template) =>
        Assert.Throws<InvalidTemplateException>(() => Render(template));

    [Fact]
    public void Nesting_is_bounded()
    {
        string deep(string open, string close) => string.Concat(Enumerable.Repeat(open, 5000)) + "1" + string.Concat(Enumerable.Repeat(close, 5000));
        Assert.Contains("nested deeper", Assert.Throws<InvalidTemplateException>(
            () => GoTemplate.Parse(deep("{{if 1}}", "{{end}}"))).Message, StringComparison.Ordinal);
        Assert.Contains("nested deeper", Assert.Throws<InvalidTemplateException>(
            () => GoTemplate.Parse("{{" + deep("(", ")") + "}}")).Message, StringComparison.Ordinal);
        Assert.Contains("nested deeper", Assert.Throws<InvalidTemplateException>(
            () => GoTemplate.Parse("{{if 1}}" + deep("{{else if 1}}", "") + "{{end}}")).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidTemplateException>(() => GoTemplate.Parse(new string('x', GoTemplate.MaxLength + 1)));
    }

    [Theory]
    [InlineData("{{ .Prompt }}", "prompt,response")]
    [InlineData("{{ with .Tools }}{{ . }}{{ end }} {{ .System }} {{ .Prompt }}", "prompt,response,system,tools")]
    [InlineData("{{ range $i, $m := .Messages }}{{ $m.ToolName }}{{ end }}", "$m,messages,toolname")]
    [InlineData("{{ if (eq .Suffix \"\") }}{{ end }}{{ .Response }}", "response,suffix")]
    public void The_fields_are_those_that_the_template_reads(string template, string expected)
    {
        var parsed = GoTemplate.Parse(template);
        var wanted = expected.Split(',').Where(name => name != "response" || template.Contains("Response", StringComparison.Ordinal));
        Assert.Equal(wanted, parsed.Fields.Select(f => f.ToLowerInvariant()).Order(StringComparer.Ordinal));
        Assert.Equal(expected.Contains("tools", StringComparison.Ordinal), parsed.Uses("Tools"));
    }
}
