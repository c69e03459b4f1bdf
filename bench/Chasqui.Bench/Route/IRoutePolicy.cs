namespace Chasqui.Bench.Route;

/// <summary>Chooses nodes in the replay. It knows what a gateway knows: what it has sent where, and what has come back; never a node's cache, nor how long an answer will be.</summary>
internal interface IRoutePolicy
{
    /// <returns>The node's number, from 0.</returns>
    int Choose(RouteRequest request, TimeSpan now);

    /// <summary>The first token has come, so the prompt is computed.</summary>
    void FirstToken(int node, RouteRequest request, TimeSpan now);

    /// <summary>The answer has ended.</summary>
    void Finished(int node, RouteRequest request, TimeSpan now);
}

/// <summary>One request of the trace.</summary>
/// <param name="At">When it comes.</param>
/// <param name="InputTokens">Tokens of the prompt.</param>
/// <param name="OutputTokens">Tokens of the answer; no policy may look at them.</param>
/// <param name="Blocks">The prompt's blocks of 512 tokens: each stands for all text up to its end.</param>
internal sealed record RouteRequest(TimeSpan At, int InputTokens, int OutputTokens, ulong[] Blocks);
