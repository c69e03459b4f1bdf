using System.Text;
using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>Shows the changes of a session as they come. A connection that breaks is made again, and goes on after the last version that was shown.</summary>
internal sealed class SessionFollower(CliContext context, IGatewayHost gateway, bool json)
{
    private static readonly TimeSpan _least = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan _most = TimeSpan.FromSeconds(5);

    public async Task RunAsync(string session, long after, CancellationToken cancellationToken)
    {
        var wait = _least;
        var hasBegun = false;
        while (true)
        {
            try
            {
                await foreach (var line in gateway.FollowAsync(session, after, cancellationToken))
                {
                    (wait, hasBegun) = (_least, true);
                    using var change = JsonDocument.Parse(line);
                    after = change.RootElement.Number("version");
                    if (json)
                        context.Console.Out.WriteLine(Encoding.UTF8.GetString(line));
                    else
                        SessionText.WriteChange(context.Console, change.RootElement);
                    context.Console.Out.Flush();
                    if (change.RootElement.Text("kind") == "deleted")
                        return;
                }
                hasBegun = true;
            }
            catch (GatewayUnreachableException e) when (hasBegun)
            {
                context.Console.Remark($"{e.Message}; trying again");
            }
            await Task.Delay(wait, context.Time, cancellationToken);
            wait = wait * 2 < _most ? wait * 2 : _most;
        }
    }
}
