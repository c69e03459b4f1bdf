using Chasqui.Gateway.Shaping;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Chasqui.Server;

/// <summary><c>GET /api/generations/ID</c>: an answer from an offset on, in the form of the API that it was asked for in. <c>DELETE</c>: ends it.</summary>
internal static class GenerationEndpoint
{
    public const string Path = "/api/generations";
    public const string Below = Path + "/";

    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var id = http.Request.Path.Value![Below.Length..];
        var generations = http.RequestServices.GetRequiredService<Generations>();
        if (HttpMethods.IsDelete(http.Request.Method))
        {
            generations.Find(id).Cancel();
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }
        var generation = generations.Find<SharedPart>(id);
        var offset = ResumeHeaders.OffsetOf(http.Request);
        http.RequestServices.GetRequiredService<CallerLoads>().Read(RequestState.Of(http), CallerGate.Caller, generation.Place);
        var reader = generation.Join() ?? throw new GenerationNotFoundException(id);
        try
        {
            if (reader.Stream.IsComplete && reader.Stream.Items.Sum(part => (long)part.Body.Length) is var all && offset > all)
                throw new InvalidRequestException(FormattableString.Invariant($"offset is {offset}, but the whole answer has {all} bytes"));
            http.Response.Headers[ResumeHeaders.Generation] = id;
            await Generations.CopyAsync(http, reader, offset).ConfigureAwait(false);
        }
        finally
        {
            generation.Left(reader);
        }
    }
}
