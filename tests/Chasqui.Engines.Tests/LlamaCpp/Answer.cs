namespace Chasqui.Engines.Tests.LlamaCpp;

/// <summary>A stream read to its end.</summary>
internal sealed record Answer(string Text, IReadOnlyList<GenerationUpdate> Updates, GenerationResult? End)
{
    internal GenerationResult Result => End ?? throw new InvalidOperationException("the stream ended without a result");

    internal IReadOnlyList<TokenLogprob> Logprobs => [.. Updates.SelectMany(u => u.Logprobs ?? [])];

    /// <summary>Reads a stream, and checks what holds of every one: the result comes last and once, and no update holds half a character.</summary>
    internal static async Task<Answer> Of(IAsyncEnumerable<GenerationUpdate> stream, CancellationToken token)
    {
        var updates = new List<GenerationUpdate>();
        await using var reader = stream.GetAsyncEnumerator(token);
        while (await reader.MoveNextAsync().AsTask().WaitAsync(EngineBed.Patience, CancellationToken.None))
            updates.Add(reader.Current);

        Assert.NotEmpty(updates);
        Assert.All(updates.SkipLast(1), u => Assert.Null(u.Result));
        foreach (var text in updates.Select(u => u.Text).Where(t => t.Length > 0))
        {
            Assert.False(char.IsHighSurrogate(text[^1]));
            Assert.False(char.IsLowSurrogate(text[0]));
        }

        return new Answer(string.Concat(updates.Select(u => u.Text)), updates, updates[^1].Result);
    }
}
