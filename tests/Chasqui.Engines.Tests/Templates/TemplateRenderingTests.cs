using System.Text.Json;
using Chasqui.Engines.Templates;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Engines.Tests.Templates;

public sealed class TemplateRenderingTests
{
    private const string ChatMl =
        "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n";

    private const string Tools =
        """[{"type":"function","function":{"name":"f","description":"a <b>","strict":true,"parameters":{"type":"object","properties":{"z":{"type":"string","description":"d","minLength":3},"a":{"type":["integer","null"]},"e":{"anyOf":[{"type":"array"},{"type":"boolean"}]}},"required":["z"]}}}]""";

    private static ChatMessage Turn(string role, string content) => new() { Role = role, Content = content };

    private static JsonElement Json(string text)
    {
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    private static string Render(string template, TemplateInput input) => GoTemplate.Parse(template).Render(input);

    // What Ollama 0.33 answered to _debug_render_only.
    [Fact]
    public void A_role_in_upper_case_is_rendered_as_ollama_does() => Assert.Equal(
        "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n",
        Render(ChatMl, new TemplateInput { Messages = [Turn("USER", "Hello!")] }));

    [Fact]
    public void A_system_text_between_turns_stays_where_it_is() => Assert.Equal(
        "<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n<|im_start|>system\nX<|im_end|>\n"
        + "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n",
        Render(ChatMl, new TemplateInput
        {
            Messages = [Turn("user", "Hi!"), Turn("assistant", "Hello!"), Turn("system", "X"), Turn("user", "Hello!")],
        }));

    [Fact]
    public void System_prompt_and_response_become_turns_around_the_messages() => Assert.Equal(
        "[system:S][user:a][assistant:b][user:P][assistant:R]S",
        Render("{{ range .Messages }}[{{ .Role }}:{{ .Content }}]{{ end }}{{ .System }}", new TemplateInput
        {
            System = "S",
            Messages = [Turn("user", "a"), Turn("assistant", "b")],
            Prompt = "P",
            Response = "R",
        }));

    [Fact]
    public void Neighbours_of_one_role_are_joined_but_for_tools() => Assert.Equal(
        "s1\n\ns2|system=s1|user=a\n\nb|tool=x|tool=y|system=s2|",
        Render("{{ .System }}|{{ range .Messages }}{{ .Role }}={{ .Content }}|{{ end }}", new TemplateInput
        {
            Messages = [Turn("system", "s1"), Turn("user", "a"), Turn("user", "b"), Turn("tool", "x"), Turn("tool", "y"), Turn("system", "s2")],
        }));

    [Theory]
    [InlineData("[INST] {{ if .System }}{{ .System }}\n\n{{ end }}{{ .Prompt }}[/INST] ")]
    [InlineData("[INST] {{ if .System }}{{ .System }}\n\n{{ end }}{{ .Prompt }}[/INST] {{ .Response }}</s>")]
    public void A_template_of_one_exchange_is_run_for_each_and_cut_after_the_response(string template)
    {
        string end = template.Contains("</s>", StringComparison.Ordinal) ? "</s>" : "";
        Assert.Equal($"[INST] S\n\nA[/INST] B{end}[INST] C[/INST] ", Render(template, new TemplateInput
        {
            Messages = [Turn("system", "S"), Turn("user", "A"), Turn("assistant", "B"), Turn("user", "C")],
        }));
        Assert.Equal("[INST] C[/INST] and so", Render(template, new TemplateInput { Prompt = "C", Response = "and so" }));
    }

    [Fact]
    public void What_follows_the_response_inside_a_branch_is_cut_too() => Assert.Equal(
        "<u>Q<a>",
        Render("{{ if .Prompt }}<u>{{ .Prompt }}{{ end }}{{ if true }}<a>{{ .Response }}</a>{{ else }}x{{ end }}tail", new TemplateInput { Prompt = "Q" }));

    [Fact]
    public void A_suffix_gets_the_template_prompt_and_suffix_alone()
    {
        const string template = "{{- if .Suffix }}<PRE>{{ .Prompt }}<SUF>{{ .Suffix }}<MID>{{ else }}{{ range .Messages }}{{ .Content }}{{ end }}{{ end }}";
        Assert.Equal("<PRE>a<SUF>b<MID>", Render(template, new TemplateInput { System = "S", Prompt = "a", Suffix = "b" }));
        Assert.Equal("Sa", Render(template, new TemplateInput { System = "S", Prompt = "a" }));
        Assert.True(GoTemplate.Parse(template).Uses("Suffix"));
    }

    [Theory]
    [InlineData(false, false, "")]
    [InlineData(true, false, "<nothink>")]
    [InlineData(true, true, "<think>high")]
    public void Thinking_is_told_apart_from_not_said(bool set, bool think, string expected) => Assert.Equal(
        "<think>t</think>c|" + expected,
        Render("{{ range .Messages }}{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}{{ .Content }}{{ end }}|"
            + "{{ if $.IsThinkSet }}{{ if .Think }}<think>{{ .ThinkLevel }}{{ else }}<nothink>{{ end }}{{ end }}", new TemplateInput
            {
                Messages = [new ChatMessage { Role = "assistant", Content = "c", Thinking = "t" }],
                IsThinkSet = set,
                Think = think,
                ThinkLevel = "high",
            }));

    [Fact]
    public void Tools_are_printed_as_ollama_marshals_them() => Assert.Equal(
        """[{"type":"function","function":{"name":"f","description":"a \u003cb\u003e","parameters":{"type":"object","required":["z"],"properties":{"a":{"type":["integer","null"]},"e":{"anyOf":[{"type":"array"},{"type":"boolean"}]},"z":{"type":"string","description":"d"}}}}}]""",
        Render("{{ if .Tools }}{{ .Tools }}{{ end }}{{ range .Messages }}{{ end }}", new TemplateInput { Tools = Json(Tools) }));

    [Fact]
    public void Tools_can_be_walked_through() => Assert.Equal(
        "f(a: [integer null] = number | null, e:  = any[] | boolean, z: string = string, )[z]{\"type\":\"function\"",
        Render("{{ range .Tools }}{{ .Function.Name }}({{ range $n, $p := .Function.Parameters.Properties }}{{ $n }}: {{ $p.Type }} = "
            + "{{ toTypeScriptType $p }}, {{ end }}){{ .Function.Parameters.Required }}{{ slice (json .) 0 18 }}{{ end }}{{ range .Messages }}{{ end }}",
            new TemplateInput { Tools = Json(Tools) }));

    [Fact]
    public void The_function_of_a_tool_is_printed_as_json() => Assert.Equal(
        """<tools>{"type": "function", "function": {"name":"g","description":"","parameters":{"type":"object","properties":{}}}}</tools>""",
        Render("<tools>{{- range .Tools }}{\"type\": \"function\", \"function\": {{ .Function }}}{{- end }}</tools>{{ range .Messages }}{{ end }}",
            new TemplateInput { Tools = Json("""[{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{}}}}]""") }));

    [Theory]
    [InlineData("""[{"id":"c1","function":{"name":"f","arguments":{"n":1e6,"a":[1.5,null,true],"s":"<"}}}]""")]
    [InlineData("""[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"n\":1000000,\"a\":[1.5,null,true],\"s\":\"<\"}"}}]""")]
    public void Tool_calls_are_rendered_whatever_the_form_of_their_arguments(string calls) => Assert.Equal(
        """f {"a":[1.5,null,true],"n":1000000,"s":"\u003c"} [{c1 {0 f {"a":[1.5,null,true],"n":1000000,"s":"\u003c"}}}] a=[1.5 <nil> true] n=1e+06 s=< """,
        Render("{{ range .Messages }}{{ range .ToolCalls }}{{ .Function.Name }} {{ .Function.Arguments }}{{ end }} {{ .ToolCalls }} "
            + "{{ range .ToolCalls }}{{ range $k, $v := .Function.Arguments }}{{ $k }}={{ $v }} {{ end }}{{ end }}{{ end }}",
            new TemplateInput { Messages = [new ChatMessage { Role = "assistant", ToolCalls = Json(calls) }] }));

    [Fact]
    public void The_name_of_a_tool_is_there_for_its_result() => Assert.Equal("f: 21",
        Render("{{ range .Messages }}{{ .ToolName }}: {{ .Content }}{{ end }}",
            new TemplateInput { Messages = [new ChatMessage { Role = "tool", Content = "21", ToolName = "f" }] }));

    [Fact]
    public void Dates_come_from_the_clock() => Assert.Equal("2024-03-01 2024-02-29",
        Render("{{ range .Messages }}{{ end }}{{ currentDate }} {{ yesterdayDate }}",
            new TemplateInput { Clock = new FakeTimeProvider(new DateTimeOffset(2024, 3, 1, 12, 0, 0, TimeSpan.Zero)) }));

    [Fact]
    public void Tools_that_hold_half_a_character_are_refused() => Assert.Throws<InvalidRequestException>(() =>
        Render("{{ .Tools }}{{ .Messages }}", new TemplateInput { Tools = Json("""[{"type":"\ud800"}]""") }));
}
