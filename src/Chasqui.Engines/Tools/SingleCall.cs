using System.Runtime.CompilerServices;

namespace Chasqui.Engines.Tools;

/// <summary>Holds an answer to one call of a tool where no more may be told: not every engine can be told so.</summary>
public static class SingleCall
{
    /// <summary>The same updates without the calls behind the first.</summary>
    /// <param name="updates">Of the engine.</param>
    /// <param name="choice">How many calls may be told; null for all.</param>
    public static IAsyncEnumerable<GenerationUpdate> Of(IAsyncEnumerable<GenerationUpdate> updates, ToolChoice? choice) =>
        choice is { Single: true } ? FirstAsync(updates) : updates;

    private static async IAsyncEnumerable<GenerationUpdate> FirstAsync(
        IAsyncEnumerable<GenerationUpdate> updates, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var told = false;
        await foreach (var update in updates.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (update.ToolCalls is not { } calls || calls.GetArrayLength() == 0)
            {
                yield return update;
                continue;
            }
            yield return update with { ToolCalls = told ? null : ToolCallForms.ToOllama([ToolCallForms.Read(calls)[0]]) };
            told = true;
        }
    }
}
