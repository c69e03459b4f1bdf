namespace Chasqui.Engines.Grammars;

/// <summary>
/// Grammars (llama.cpp's GBNF, root rule <c>root</c>) for JSON without a schema. Between two tokens there is at most one space,
/// or one line break with 20 characters of indent, so that a model cannot go on with blanks for ever.
/// </summary>
public static class JsonGrammar
{
    /// <summary>Any JSON object or array.</summary>
    public static string Any { get; } = Of(json => Gbnf.Any(json.Object, json.Array)).Build();

    /// <summary>Any JSON object: what Ollama's <c>"json"</c> and OpenAI's <c>json_object</c> stand for.</summary>
    public static string Object { get; } = Of(json => json.Object).Build();

    /// <summary><see cref="Object"/>, ready to be followed.</summary>
    internal static GrammarGraph ObjectGraph { get; } = Of(json => json.Object).BuildGraph();

    private static GrammarBuilder Of(Func<JsonRules, Gbnf> root)
    {
        var grammar = new GrammarBuilder();
        grammar.Set("root", Gbnf.Empty);
        grammar.Set("root", root(new JsonRules(grammar)));
        return grammar;
    }
}
