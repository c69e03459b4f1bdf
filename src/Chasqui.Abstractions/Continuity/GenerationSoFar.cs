namespace Chasqui;

/// <summary>What was generated already in answer to a request, by an engine that has failed since. Immutable.</summary>
/// <remarks>
/// The engine that goes on begins its updates with all of it once more, so that whatever it does to an answer (stop texts, thinking, tool calls, formats) sees it from its beginning;
/// <see cref="AnswerSoFar"/> leaves out what was passed on before.
/// </remarks>
public sealed record GenerationSoFar
{
    /// <summary>The text.</summary>
    public string Text { get; init; } = "";

    /// <summary>The thinking before it.</summary>
    public string Thinking { get; init; } = "";

    /// <summary>The ids of the tokens that both were made of, for an engine with the same model; empty where nobody knows.</summary>
    public IReadOnlyList<int> Tokens { get; init; } = [];

    /// <summary>Updates that it came in: about its tokens, where those are not known.</summary>
    public int Pieces { get; init; }

    /// <summary>Tokens of it, as known or as estimated.</summary>
    public int Count => Tokens.Count > 0 ? Tokens.Count : Pieces;
}
