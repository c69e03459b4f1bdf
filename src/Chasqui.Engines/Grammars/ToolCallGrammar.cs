using System.Text.Json;

namespace Chasqui.Engines.Grammars;

/// <summary>
/// A grammar (llama.cpp's GBNF, root rule <c>root</c>) of nothing but the call of a tool: <c>{"name": …, "arguments": …}</c>, as it is or, where the
/// model was taught marks around its calls, between these.
/// </summary>
internal static class ToolCallGrammar
{
    /// <summary>How models mark a call: what stands before, what between two, and what behind.</summary>
    private static readonly (string Mark, string Open, string Between, string Close)[] _forms =
    [
        ("<tool_call>", "<tool_call>\n", "\n</tool_call>\n<tool_call>\n", "\n</tool_call>"),
        ("[TOOL_CALLS]", "[TOOL_CALLS][", ", ", "]"),
        ("<|tool_call|>", "<|tool_call|>[", ", ", "]<|/tool_call|>"),
        ("<|python_tag|>", "<|python_tag|>", "", ""),
    ];

    /// <summary>Compiles a grammar.</summary>
    /// <param name="tools">The names of the tools, and the schemas of their arguments, each of which compiles by itself.</param>
    /// <param name="template">The model's template, which shows the marks that it was taught; empty for none.</param>
    /// <param name="single">Whether one call is all.</param>
    /// <param name="thinking">What stands around the model's thinking, which may come before the call; null for none.</param>
    /// <exception cref="InvalidFormatException">The schemas are too large together.</exception>
    public static string Compile(IEnumerable<(string Name, JsonElement Arguments)> tools, string template, bool single, ThinkingPlace? thinking) =>
        Of(tools, template, single, thinking).Build();

    /// <summary>Compiles a grammar that is ready to be followed.</summary>
    /// <param name="tools">The names of the tools, and the schemas of their arguments.</param>
    /// <param name="template">The model's template.</param>
    /// <param name="single">Whether one call is all.</param>
    /// <param name="thinking">What stands around the model's thinking.</param>
    /// <exception cref="InvalidFormatException">The schemas are too large together.</exception>
    public static GrammarGraph CompileGraph(IEnumerable<(string Name, JsonElement Arguments)> tools, string template, bool single, ThinkingPlace? thinking) =>
        Of(tools, template, single, thinking).BuildGraph();

    private static GrammarBuilder Of(IEnumerable<(string Name, JsonElement Arguments)> tools, string template, bool single, ThinkingPlace? thinking)
    {
        var grammar = new GrammarBuilder();
        grammar.Set("root", Gbnf.Empty);
        var json = new JsonRules(grammar);
        var calls = new List<Gbnf>();
        foreach (var (name, arguments) in tools)
        {
            calls.Add(Gbnf.Seq(
                Gbnf.Text($"{{\"name\": {LiteralRules.Quote(name)}, \""), Key(template), Gbnf.Text("\": "),
                new SchemaCompiler(arguments, grammar, json).Write(), Gbnf.Text("}")));
        }
        var call = grammar.Rule("call", Gbnf.Any(calls));
        var forms = new List<Gbnf> { call };
        foreach (var form in _forms)
        {
            if (template.Contains(form.Mark, StringComparison.Ordinal))
                forms.Add(Marked(grammar, call, form.Open, single ? "" : form.Between, form.Close));
        }
        var answer = grammar.Rule("answer", Gbnf.Any(forms));
        grammar.Set("root", thinking is null ? answer : Gbnf.Seq(Thought(grammar, thinking), answer));
        return grammar;
    }

    private static Gbnf Marked(GrammarBuilder grammar, Gbnf call, string open, string between, string close) => Gbnf.Seq(
        Gbnf.Text(open), call,
        between.Length == 0 ? Gbnf.Empty : grammar.Repeat("calls", Gbnf.Seq(Gbnf.Text(between), call), 0, null),
        Gbnf.Text(close));

    /// <summary>Llama's models were taught another word.</summary>
    private static Gbnf Key(string template) => Gbnf.Text(
        template.Contains("\"parameters\":", StringComparison.Ordinal) && !template.Contains("arguments\"", StringComparison.Ordinal) ? "parameters" : "arguments");

    /// <summary>Any text up to the closing tag, the opening one before it where the prompt has not said it.</summary>
    private static Gbnf Thought(GrammarBuilder grammar, ThinkingPlace thinking)
    {
        var close = thinking.Close;
        var states = Enumerable.Range(0, close.Length).Select(_ => grammar.NewName("thought")).ToList();
        for (var state = 0; state < states.Count; state++)
        {
            var choices = new List<Gbnf>();
            var known = CharSet.Of();
            // Each character of the tag leads to where the longest beginning of the tag ends that was said then.
            foreach (var character in close.Distinct())
            {
                var next = Longest(close, close[..state] + character);
                var set = CharSet.Single(character);
                known = known.Union(set);
                choices.Add(next == close.Length ? Gbnf.Set(set) : Gbnf.Seq(Gbnf.Set(set), Gbnf.Ref(states[next])));
            }
            choices.Add(Gbnf.Seq(Gbnf.Set(known.Complement()), Gbnf.Ref(states[0])));
            grammar.Set(states[state], Gbnf.Any(choices));
        }
        var space = grammar.Rule("gap", grammar.Repeat("gap", Gbnf.Set(CharSet.Single('\n')), 0, 2));
        var thought = Gbnf.Seq(Gbnf.Ref(states[0]), space);
        return thinking.IsBegun ? thought : Gbnf.Optional(Gbnf.Seq(Gbnf.Text(thinking.Open), thought));
    }

    /// <summary>How many characters at the end of a text are the beginning of the tag.</summary>
    private static int Longest(string tag, string text)
    {
        for (var length = Math.Min(tag.Length, text.Length); length > 0; length--)
        {
            if (text.AsSpan(text.Length - length).SequenceEqual(tag.AsSpan(0, length)))
                return length;
        }
        return 0;
    }
}

/// <summary>What stands around a model's thinking.</summary>
/// <param name="Open">Before it.</param>
/// <param name="Close">Behind it.</param>
/// <param name="IsBegun">Whether the prompt ends inside of it.</param>
internal sealed record ThinkingPlace(string Open, string Close, bool IsBegun);
