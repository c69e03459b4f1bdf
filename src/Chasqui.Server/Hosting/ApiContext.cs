using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace Chasqui.Server;

/// <summary>What every endpoint needs.</summary>
internal sealed class ApiContext(IEngine engine, GatewayOptions options, TimeProvider time, IHostApplicationLifetime lifetime)
{
    /// <summary>292 years, the longest that Ollama's clock can say; it stands for "never".</summary>
    private static readonly TimeSpan _forever = TimeSpan.FromTicks(long.MaxValue / TimeSpan.NanosecondsPerTick);

    public IEngine Engine { get; } = engine;

    public TimeProvider Time { get; } = time;

    public IHostApplicationLifetime Lifetime { get; } = lifetime;

    public IReadOnlyList<string> Origins => options.Http.Origins;

    /// <summary>The request's JSON; to be disposed.</summary>
    public Task<RequestBody> ReadBodyAsync(HttpContext http) =>
        RequestBody.ReadAsync(http.Request, options.Http.MaxRequestBodyBytes, http.RequestAborted);

    /// <summary>When a model leaves memory, in a form that every client can read.</summary>
    public DateTimeOffset Expiry(DateTimeOffset expiresAt) => expiresAt == DateTimeOffset.MaxValue ? Time.GetUtcNow() + _forever : expiresAt;
}
