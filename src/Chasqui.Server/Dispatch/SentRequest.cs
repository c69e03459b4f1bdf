using Chasqui.Gateway.Requests;

namespace Chasqui.Server;

/// <summary>A node's answer and the body that was sent for it, which must not change before the answer is over. To be disposed once.</summary>
/// <param name="Answer">The answer.</param>
/// <param name="Body">What was sent.</param>
/// <param name="CountsTokens">Whether the gateway asked for the count of tokens and the client did not.</param>
internal readonly record struct SentRequest(IPassageAnswer Answer, RewrittenBody Body, bool CountsTokens) : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        await Answer.DisposeAsync().ConfigureAwait(false);
        Body.Dispose();
    }
}
