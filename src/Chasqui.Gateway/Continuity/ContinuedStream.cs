using System.Runtime.CompilerServices;
using Chasqui.Gateway.Dispatch;
using Chasqui.Gateway.Nodes;
using Chasqui.Gateway.Telemetry;

namespace Chasqui.Gateway.Continuity;

/// <summary>
/// The answer of whichever nodes it takes: one that fails before anything was passed on is replaced as on any way, and one that fails in the middle by another with the same weights, which
/// goes on from what was said. For one request.
/// </summary>
/// <param name="route">The way of the request.</param>
/// <param name="engineOf">The engine of an attempt.</param>
internal sealed class ContinuedStream(Route route, Func<NodeLease, IEngine> engineOf)
{
    private readonly AnswerSoFar _answer = new();
    private EngineException? _broken;

    /// <summary>An answer that was broken off after a part of it was passed on by somebody else.</summary>
    /// <param name="route">The way of the request.</param>
    /// <param name="engineOf">The engine of an attempt.</param>
    /// <param name="answer">What was passed on.</param>
    /// <param name="broken">How it failed.</param>
    public ContinuedStream(Route route, Func<NodeLease, IEngine> engineOf, AnswerSoFar answer, EngineException broken)
        : this(route, engineOf)
    {
        (_answer, _broken) = (answer, broken);
        _answer.Restart();
    }

    /// <summary>Runs it.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="first">The first attempt, which is its owner's to dispose, and to repeat where nothing of it was passed on; null to make one, and to repeat it here.</param>
    /// <param name="call">Asks an engine.</param>
    /// <param name="cancellationToken">The caller.</param>
    public async IAsyncEnumerable<GenerationUpdate> RunAsync<T>(
        T request, NodeLease? first, Func<IEngine, T, IAsyncEnumerable<GenerationUpdate>> call, [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : GenerationRequest
    {
        var goesOn = request.Continue && RequestMeasure.Current?.Continues != false;
        for (var lease = first; ; lease = null)
        {
            lease ??= await NextAsync(cancellationToken).ConfigureAwait(false);
            using var owned = ReferenceEquals(lease, first) ? null : lease;
            var asked = request with { Continue = goesOn, WithTokens = request.WithTokens || goesOn, SoFar = _answer.IsEmpty ? request.SoFar : _answer.ToSoFar() };
            var updates = Ask(lease, () => call(engineOf(lease), asked).GetAsyncEnumerator(cancellationToken));
            await using (updates.ConfigureAwait(false))
            {
                while (true)
                {
                    try
                    {
                        if (!await updates.MoveNextAsync().ConfigureAwait(false))
                            yield break;
                    }
                    catch (EngineException e)
                    {
                        var begun = lease.HasBegun;
                        lease.Ended(e);
                        if (_broken is not null && e is UnsupportedCapabilityException or InvalidRequestException)
                            throw Interrupted(e);
                        if (!(_answer.IsEmpty ? owned is not null && !begun && route.MayRetry(lease, e) : goesOn && route.MayContinue(lease, e)))
                            throw;
                        _broken = _answer.IsEmpty ? null : e;
                        break;
                    }
                    // The one who asked may leave as soon as there is a result.
                    if (updates.Current.Result is not null)
                        owned?.Succeeded();
                    if (_answer.Pass(updates.Current) is { } update)
                        yield return update;
                }
            }
            _answer.Restart();
        }
    }

    /// <summary>An engine that cannot go on may say so at once.</summary>
    private IAsyncEnumerator<GenerationUpdate> Ask(NodeLease lease, Func<IAsyncEnumerator<GenerationUpdate>> ask)
    {
        try
        {
            return ask();
        }
        catch (EngineException e) when (_broken is not null)
        {
            lease.Ended(e);
            throw Interrupted(e);
        }
    }

    private async ValueTask<NodeLease> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await route.NextAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (EngineException e) when (_broken is not null)
        {
            throw Interrupted(e);
        }
    }

    private EngineFailedException Interrupted(EngineException why) => new($"the answer was interrupted ({_broken!.Message}) and cannot be gone on with elsewhere: {why.Message}", _broken);
}
