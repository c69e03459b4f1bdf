using System.Text.Json;
using Chasqui.Engines.Templates;
using CsCheck;

namespace Chasqui.Engines.Tests.Templates;

public sealed class GoTemplateProperties
{
    private static readonly string[] _pieces =
    [
        "{{", "}}", "{{-", "-}}", "{{ ", " }}", "{{- ", " -}}", "{{/*", "*/}}", "if ", "else", "end", "{{ end }}", "{{ else }}", "range ", "with ",
        "define \"x\"", "template \"x\" .", "block \"x\" .", "break", "continue", "$", "$x", "$i, $m := ", "$x := ", "$x = ", ".", ".Messages",
        ".Content", "$.System", ".ToolCalls", ".Function.Arguments", "(", ")", "|", " | ", ",", "nil", "true", "1", "-2", "0x1f", "1.5e3", "'a'",
        "\"text\"", "\"%s%d%v%q%x%[1]*d\"", "`raw`", "and ", "or ", "not ", "eq ", "lt ", "len ", "index ", "slice ", "print ", "printf ", "json ",
        "currentDate", "html ", " ", "\n", "text", "é😀", "\\", "\"", "'", "100000", "range .Messages", "range $i, $m := .Messages",
    ];

    private static readonly string[] _templates =
    [
        "{{- range $i, $m := .Messages }}{{ if eq $m.Role \"user\" }}[{{ $m.Content }}]{{ else }}{{ $i }}{{ end }}{{- end }}",
        "{{- $s := \"\" }}{{ range .Messages }}{{ $s = printf \"%s,%s\" $s .Role }}{{ end }}{{ $s }}{{ with .Tools }}{{ json . }}{{ end }}",
        "{{ if .System }}<s>{{ .System }}{{ end }}{{ if .Prompt }}<u>{{ .Prompt }}{{ end }}<a>{{ .Response }}</a>",
        "{{ define \"t\" }}{{ .Content }}{{ end }}{{ range .Messages }}{{ template \"t\" . }}{{ range .ToolCalls }}{{ .Function.Arguments }}{{ end }}{{ end }}",
        "{{ $last := len (slice .Messages 1) }}{{ if and (gt $last 0) (or .Tools .Think) }}{{ (index .Messages 0).Content | html }}{{ end }}",
    ];

    private static readonly Gen<string> _anyPiece = Gen.Int[0, _pieces.Length - 1].Select(i => _pieces[i]);
    private static readonly TemplateInput _input = MakeInput();

    [Fact]
    public void Any_text_is_rendered_or_refused_as_a_template() =>
        _anyPiece.Array[0, 25].Select(string.Concat).Sample(Try, iter: 20_000);

    [Fact]
    public void Any_change_to_a_template_is_rendered_or_refused_as_a_template() =>
        Gen.Select(Gen.Int[0, _templates.Length - 1].Select(i => _templates[i]), Gen.Int[0, 200], Gen.Int[0, 12], _anyPiece).Sample((template, at, cut, piece) =>
        {
            int from = at % template.Length;
            Try(template[..from] + piece + template[Math.Min(template.Length, from + cut)..]);
        }, iter: 20_000);

    [Fact]
    public void Text_without_actions_is_rendered_as_it_is() => Gen.String.Where(text => !text.Contains("{{", StringComparison.Ordinal))
        .Sample(text => Assert.Equal(text + "hello", GoTemplate.Parse(text).Render(new TemplateInput { Prompt = "p", Response = "hello" })));

    private static void Try(string text)
    {
        try
        {
            Assert.InRange(GoTemplate.Parse(text).Render(_input).Length, 0, 64 * 1024 * 1024);
        }
        catch (InvalidTemplateException error)
        {
            Assert.NotEmpty(error.Message);
        }
    }

    private static TemplateInput MakeInput()
    {
        using var calls = JsonDocument.Parse("""[{"function":{"name":"f","arguments":{"a":1,"b":[true,null]}}}]""");
        using var tools = JsonDocument.Parse("""[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"number"}}}}}]""");
        return new TemplateInput
        {
            System = "S",
            Messages =
            [
                new ChatMessage { Role = "user", Content = "é <b>" },
                new ChatMessage { Role = "assistant", ToolCalls = calls.RootElement.Clone() },
                new ChatMessage { Role = "tool", Content = "1", ToolName = "f" },
            ],
            Tools = tools.RootElement.Clone(),
        };
    }
}
