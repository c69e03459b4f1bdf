using System.Text;

namespace Chasqui.Bench.Peers.Attacks;

/// <summary>Bodies that are small or right, and cost much.</summary>
internal static class Json
{
    private static readonly string[] _paths = ["/api/chat", "/v1/chat/completions", "/v1/messages", "/v1/responses", "/api/generate", "/api/embed", "/api/show"];

    private static readonly string[] _templates =
    [
        """{{ range 60000 }}{{ printf \"%1000d\" 1 }}{{ end }}""",
        """{{ range 60000 }}{{ range 60000 }}{{ end }}{{ end }}""",
        """{{ range 1000000000 }}x{{ end }}""",
        """{{ define \"a\" }}{{ template \"a\" . }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}""",
        """{{ printf \"%1000000000d\" 1 }}""",
        """{{ $x := \"xxxxxxxxxxxxxxxx\" }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}{{ $x }}""",
        """{{ range $i, $e := .Messages }}{{ range 100000 }}{{ json $e }}{{ end }}{{ end }}""",
    ];

    /// <summary>Nesting, numbers and texts without measure.</summary>
    public static Task DeepAsync(AttackRun run) => run.RepeatAsync(3, 50, (_, random) => run.PostAsync(_paths[random.Next(_paths.Length)], random.Next(7) switch
    {
        0 => new string('[', 500_000),
        1 => Repeat("""{"a":""", 200_000),
        2 => """{"model":"bench","messages":""" + new string('[', 100_000) + new string(']', 100_000) + "}",
        3 => """{"model":"bench","prompt":"x","options": """ + Repeat("""{"a":""", 100_000) + "1" + new string('}', 100_001),
        4 => """{"model":"bench","prompt":"x","keep_alive":""" + new string('9', 2_000_000) + "}",
        5 => "{" + Repeat("\"model\":\"bench\",", 200_000) + "\"prompt\":\"x\"}",
        _ => """{"model":"bench","prompt":" """ + Repeat("\\ud800\\u0000", 200_000) + "\"}",
    }));

    /// <summary>Templates in requests.</summary>
    public static Task TemplatesAsync(AttackRun run) => run.RepeatAsync(2, 50, (_, random) =>
    {
        var template = random.Next(9) switch
        {
            7 => Repeat("{{ if true }}", 20_000) + Repeat("{{ end }}", 20_000),
            8 => Repeat("{{ . }}", 100_000),
            var which => _templates[which],
        };
        return run.PostAsync("/api/generate", $$"""{"model":"mini","prompt":"x","template":"{{template}}","options":{"num_predict":1},"stream":false}""");
    });

    /// <summary>Schemas that make large grammars.</summary>
    public static Task GrammarsAsync(AttackRun run) => run.RepeatAsync(2, 50, (_, random) =>
    {
        var schema = random.Next(7) switch
        {
            0 => Repeat("""{"type":"object","required":["a"],"properties":{"a":""", 500) + """{"type":"string"}""" + Repeat("}}", 500),
            1 => """{"enum":[""" + string.Join(',', Enumerable.Range(0, 50_000).Select(i => FormattableString.Invariant($"\"value{i}\""))) + "]}",
            2 => """{"type":"string","pattern":"^((a{1,1000}){1,1000}){1,1000}$"}""",
            3 => """{"type":"array","minItems":1000000,"maxItems":2000000000,"items":{"type":"array","minItems":1000000,"items":{"type":"integer"}}}""",
            4 => """{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}""",
            5 => """{"anyOf":[""" + string.Join(',', Enumerable.Range(0, 3_000).Select(i => $$"""{"type":"object","properties":{"p{{i}}":{"type":"number"} },"required":["p{{i}}"]}""")) + "]}",
            _ => """{"type":"string","minLength":100000000,"maxLength":2000000000}""",
        };
        return run.PostAsync("/api/chat", $$"""{"model":"mini","messages":[{"role":"user","content":"x"}],"format":{{schema}},"options":{"num_predict":2},"stream":false}""");
    });

    /// <summary>Lists of very many things.</summary>
    public static Task ListsAsync(AttackRun run) => run.RepeatAsync(2, 50, (actor, random) =>
    {
        var model = actor == 0 ? "mini" : "bench";
        return random.Next(5) switch
        {
            0 => run.PostAsync("/api/generate", $$"""{"model":"{{model}}","prompt":"x","stream":false,"options":{"num_predict":4,"stop":[{{Numbers("\"stop{0}\"", 50_000)}}]} }"""),
            1 => run.PostAsync("/v1/chat/completions", $$"""{"model":"{{model}}","max_tokens":4,"messages":[{"role":"user","content":"x"}],"logit_bias":{ {{Numbers("\"{0}\":1", 100_000)}} } }"""),
            2 => run.PostAsync("/api/chat", $$"""{"model":"{{model}}","stream":false,"options":{"num_predict":4},"messages":[{"role":"user","content":"x"}],"tools":[{{Numbers("{{\"type\":\"function\",\"function\":{{\"name\":\"f{0}\",\"parameters\":{{\"type\":\"object\",\"properties\":{{}}}}}}}}", 5_000)}}]}"""),
            3 => run.PostAsync("/api/chat", $$"""{"model":"{{model}}","stream":false,"options":{"num_predict":4},"messages":[{{Numbers("{{\"role\":\"user\",\"content\":\"{0}\"}}", 50_000)}}]}"""),
            _ => run.PostAsync("/api/embed", $$"""{"model":"{{model}}","input":[{{Numbers("\"text {0}\"", 20_000)}}]}"""),
        };
    });

    private static string Repeat(string text, int times) => new StringBuilder(text.Length * times).Insert(0, text, times).ToString();

    private static string Numbers(string form, int count) =>
        string.Join(',', Enumerable.Range(0, count).Select(i => string.Format(System.Globalization.CultureInfo.InvariantCulture, form, i)));
}
